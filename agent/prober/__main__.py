from agent.prober.child import main

main()
