/* Every fact of a GPU, by name, with what a healthy, busy H100 SXM says. */
#define NONE LLONG_MIN /* this GPU has no such thing */

enum {
#define FACT(name, value) name,
#include "facts.def"
#undef FACT
    FACTS
};
