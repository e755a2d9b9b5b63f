/* libnvidia-ml.so.1 for tests: NVML's ABI, its answers read from a text file that may change at any time.
 *
 * The file is named by MAINSTAY_FAKE_NVML and read anew when its inode, size or modification time changes (replace it
 * by rename). Lines, as tests/fakes/nvml_fake.py writes them:
 *
 *   count N                               GPUs
 *   driver VERSION
 *   trace PATH                            the name of every call is appended there
 *   busy PERCENT                          share of a latency that is spent computing and not sleeping
 *   latency CALL MICROSECONDS
 *   call CALL GPU|* error CODE            this call answers CODE
 *   call CALL GPU|* hang                  ... or does not return until the line is gone (state S)
 *   call CALL GPU|* stuck                 ... the same in state D, as a thread in the driver is
 *   gpu N FACT VALUE|none                 none: not supported by this GPU
 *   gpu N uuid|name|bus WORD              bus: DDDDDDDD:BB:DD.F
 *   gpu N process PID BYTES
 *   gpu N renderer PID BYTES
 *   event NUMBER GPU TYPE DATA            told once to each event set that was made before it appeared
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "facts.h"

enum { MAX_GPUS = 64, MAX_RULES = 64, MAX_EVENTS = 1024, MAX_PROCESSES = 16, MAX_LATENCIES = 64, MAX_TEXT = 1 << 18 };

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9, TIMEOUT = 10, GPU_IS_LOST = 15, ARGUMENT_VERSION_MISMATCH = 25,
};

typedef enum { ERROR, HANG, STUCK } Kind;
typedef struct { char call[64]; int gpu; Kind kind; int code; } Rule;
typedef struct { long number; int gpu; unsigned long long type, data; } Event;
typedef struct { unsigned pid; unsigned long long bytes; } Process;
typedef struct { char call[64]; long us; } Latency;

typedef struct {
    long long fact[FACTS];
    char uuid[96], name[96], bus[32];
    Process processes[MAX_PROCESSES], renderers[MAX_PROCESSES];
    int n_processes, n_renderers;
} Gpu;

typedef struct {
    int count, n_rules, n_events, n_latencies, busy;
    char driver[80], trace[PATH_MAX];
    Gpu gpus[MAX_GPUS];
    Rule rules[MAX_RULES];
    Event events[MAX_EVENTS];
    Latency latencies[MAX_LATENCIES];
} World;

typedef struct { int index; } Device;
typedef struct { long seen; unsigned long long types[MAX_GPUS]; int watch; } EventSet;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static World world, next_world;
static struct stat read_at;
static int users;
static int counted;                 /* GPUs at nvmlInit: a running session goes on counting a GPU that is lost */
static int by_index[MAX_GPUS];      /* the same: which GPU an index means */
static Device devices[MAX_GPUS];

/* --- the file ---------------------------------------------------------------------------------------------------- */

static const char *fact_names[FACTS] = {
#define FACT(name, value) #name,
#include "facts.def"
#undef FACT
};

static const long long fact_defaults[FACTS] = {
#define FACT(name, value) value,
#include "facts.def"
#undef FACT
};

static const char *path(void) {
    const char *name = getenv("MAINSTAY_FAKE_NVML");
    return name ? name : "/dev/null";
}

static void begin_world(World *w) {
    memset(w, 0, sizeof *w);
    w->count = 8;
    strcpy(w->driver, "550.144.03");
    for (int i = 0; i < MAX_GPUS; i++) {
        Gpu *g = &w->gpus[i];
        memcpy(g->fact, fact_defaults, sizeof fact_defaults);
        snprintf(g->uuid, sizeof g->uuid, "GPU-%08x-5eed-4000-8000-%012x", i, i);
        snprintf(g->bus, sizeof g->bus, "%08X:%02X:00.0", i / 8, 0x18 + i % 8 * 0x11);
        strcpy(g->name, "NVIDIA H100 80GB HBM3");
    }
}

static void gpu_line(World *w, int i, const char *key, const char *value, const char *second) {
    Gpu *g = &w->gpus[i];
    if (!strcmp(key, "uuid")) snprintf(g->uuid, sizeof g->uuid, "%s", value);
    else if (!strcmp(key, "name")) snprintf(g->name, sizeof g->name, "%s", value);
    else if (!strcmp(key, "bus")) snprintf(g->bus, sizeof g->bus, "%s", value);
    else if (!strcmp(key, "process") && g->n_processes < MAX_PROCESSES)
        g->processes[g->n_processes++] = (Process){strtoul(value, 0, 10), strtoull(second, 0, 10)};
    else if (!strcmp(key, "renderer") && g->n_renderers < MAX_PROCESSES)
        g->renderers[g->n_renderers++] = (Process){strtoul(value, 0, 10), strtoull(second, 0, 10)};
    else
        for (int f = 0; f < FACTS; f++)
            if (!strcmp(key, fact_names[f])) g->fact[f] = strcmp(value, "none") ? strtoll(value, 0, 0) : NONE;
}

static void line(World *w, char *text) {
    char word[6][PATH_MAX / 8] = {"", "", "", "", "", ""};
    int n = sscanf(text, "%511s %511s %511s %511s %511s %511s", word[0], word[1], word[2], word[3], word[4], word[5]);
    if (n < 2) return;
    if (!strcmp(word[0], "count")) w->count = atoi(word[1]);
    else if (!strcmp(word[0], "driver")) snprintf(w->driver, sizeof w->driver, "%.79s", word[1]);
    else if (!strcmp(word[0], "trace")) snprintf(w->trace, sizeof w->trace, "%s", word[1]);
    else if (!strcmp(word[0], "busy")) w->busy = atoi(word[1]);
    else if (!strcmp(word[0], "latency") && w->n_latencies < MAX_LATENCIES) {
        Latency *l = &w->latencies[w->n_latencies++];
        snprintf(l->call, sizeof l->call, "%.63s", word[1]);
        l->us = atol(word[2]);
    } else if (!strcmp(word[0], "call") && w->n_rules < MAX_RULES) {
        Rule *r = &w->rules[w->n_rules++];
        snprintf(r->call, sizeof r->call, "%.63s", word[1]);
        r->gpu = *word[2] == '*' ? -1 : atoi(word[2]);
        r->kind = !strcmp(word[3], "hang") ? HANG : !strcmp(word[3], "stuck") ? STUCK : ERROR;
        r->code = atoi(word[4]);
    } else if (!strcmp(word[0], "gpu") && atoi(word[1]) >= 0 && atoi(word[1]) < MAX_GPUS) {
        if (!strcmp(word[2], "name")) { /* a name has spaces */
            char *name = strstr(text, "name ");
            snprintf(w->gpus[atoi(word[1])].name, 96, "%s", name + 5);
        } else
            gpu_line(w, atoi(word[1]), word[2], word[3], word[4]);
    } else if (!strcmp(word[0], "event") && w->n_events < MAX_EVENTS)
        w->events[w->n_events++] =
            (Event){atol(word[1]), atoi(word[2]), strtoull(word[3], 0, 0), strtoull(word[4], 0, 0)};
}

static int changed(const struct stat *a, const struct stat *b) {
    return a->st_ino != b->st_ino || a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
           a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* with the lock held */
static void refresh(void) {
    static char text[MAX_TEXT];
    struct stat now;
    if (stat(path(), &now) || (read_at.st_ino && !changed(&now, &read_at))) return;
    int file = open(path(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t n, size = 0;
    while (size < MAX_TEXT - 1 && (n = read(file, text + size, MAX_TEXT - 1 - size)) > 0) size += n;
    close(file);
    text[size] = 0;
    begin_world(&next_world);
    char *rest = text, *each;
    while ((each = strsep(&rest, "\n"))) line(&next_world, each);
    world = next_world;
    read_at = now;
}

/* --- what happens to every call ------------------------------------------------------------------------------------ */

static void nap(long us) {
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&t, &t) && errno == EINTR) continue;
}

static void compute(long us) {
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - from.tv_sec) * 1000000L + (now.tv_nsec - from.tv_nsec) / 1000 < us);
}

/* A parent in vfork waits uninterruptibly until its child ends: state D, for all who look. */
static void stuck(void) {
    struct stat before = read_at;
    pid_t child = vfork();
    if (child > 0) waitpid(child, 0, 0);
    if (child) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (struct stat now; stat(path(), &now) || !changed(&now, &before);) nap(50000);
    _exit(0);
}

static void trace(const char *call) {
    int file = open(world.trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    char text[80];
    int n = snprintf(text, sizeof text, "%s\n", call);
    if (file >= 0 && write(file, text, n) < 0) perror(world.trace);
    if (file >= 0) close(file);
}

static const Rule *rule_for(const char *call, int gpu) {
    for (int i = 0; i < world.n_rules; i++) {
        const Rule *r = &world.rules[i];
        if ((r->call[0] == '*' || !strcmp(r->call, call)) && (r->gpu < 0 || r->gpu == gpu)) return r;
    }
    return 0;
}

static void take_time(const char *call) {
    long us = 0;
    for (int i = 0; i < world.n_latencies; i++)
        if (!strcmp(world.latencies[i].call, call)) us = world.latencies[i].us;
    int busy = world.busy;
    pthread_mutex_unlock(&lock);
    if (us) {
        compute(us * busy / 100);
        nap(us - us * busy / 100);
    }
    pthread_mutex_lock(&lock);
}

/* Returns with the lock held, whatever it returns. */
static int enter(const char *call, int gpu, int needs_users) {
    pthread_mutex_lock(&lock);
    refresh();
    if (world.trace[0]) trace(call);
    for (const Rule *r; (r = rule_for(call, gpu)); refresh()) {
        if (r->kind == ERROR) return r->code;
        int deep = r->kind == STUCK;
        pthread_mutex_unlock(&lock);
        if (deep) stuck();
        else nap(20000);
        pthread_mutex_lock(&lock);
    }
    take_time(call);
    refresh();
    if (needs_users && !users) return UNINITIALIZED;
    if (gpu >= 0 && world.gpus[gpu].fact[lost]) return GPU_IS_LOST;
    return SUCCESS;
}

static int leave(int code) {
    pthread_mutex_unlock(&lock);
    return code;
}

static int put(unsigned *to, long long value) {
    if (value == NONE) return NOT_SUPPORTED;
    *to = (unsigned)value;
    return SUCCESS;
}

static int put64(unsigned long long *to, long long value) {
    if (value == NONE) return NOT_SUPPORTED;
    *to = (unsigned long long)value;
    return SUCCESS;
}

#define GPU(d) world.gpus[(d)->index].fact
#define CALL(name, ...) int name(__VA_ARGS__) {
#define ON(device) int code = enter(__func__, (device)->index, 1); if (code) return leave(code);
#define DONE(expression) return leave(expression); }
#define READS(name, type, fact_name) CALL(name, Device *d, type *value) ON(d) \
    DONE(_Generic(*value, unsigned: put, unsigned long long: put64)((void *)value, GPU(d)[fact_name]))

/* --- session --------------------------------------------------------------------------------------------------------- */

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    int code = enter(__func__, -1, 0);
    if (code) return leave(code);
    if (!users++) {
        counted = 0;
        for (int i = 0; i < MAX_GPUS; i++) devices[i].index = i;
        for (int i = 0; i < world.count && i < MAX_GPUS; i++)
            if (!world.gpus[i].fact[uncounted]) by_index[counted++] = i;
    }
    return leave(SUCCESS);
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    int code = enter(__func__, -1, 1);
    if (!code) users--;
    return leave(code);
}

const char *nvmlErrorString(int code) {
    switch (code) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case TIMEOUT: return "Timeout";
    case GPU_IS_LOST: return "GPU is lost";
    case 16: return "GPU requires reset";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

CALL(nvmlSystemGetDriverVersion, char *to, unsigned size)
    int code = enter(__func__, -1, 1);
    if (!code) snprintf(to, size, "%s", world.driver);
DONE(code)

CALL(nvmlDeviceGetCount_v2, unsigned *count)
    int code = enter(__func__, -1, 1);
    if (!code) *count = counted;
DONE(code)

CALL(nvmlDeviceGetHandleByIndex_v2, unsigned index, Device **device)
    int gpu = index < (unsigned)counted ? by_index[index] : -1;
    int code = enter(__func__, gpu, 1);
    if (!code && gpu < 0) code = INVALID_ARGUMENT;
    if (!code) *device = &devices[gpu];
DONE(code)

/* --- one GPU ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    char legacy[16];
    unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
    char bus_id[32];
} Pci;

typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu_instance, compute_instance; } ProcessInfo;

CALL(nvmlDeviceGetUUID, Device *d, char *to, unsigned size) ON(d)
    snprintf(to, size, "%s", world.gpus[d->index].uuid);
DONE(SUCCESS)

CALL(nvmlDeviceGetName, Device *d, char *to, unsigned size) ON(d)
    snprintf(to, size, "%s", world.gpus[d->index].name);
DONE(SUCCESS)

CALL(nvmlDeviceGetPciInfo_v3, Device *d, Pci *pci) ON(d)
    memset(pci, 0, sizeof *pci);
    const char *bus = world.gpus[d->index].bus;
    sscanf(bus, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device);
    snprintf(pci->bus_id, sizeof pci->bus_id, "%s", bus);
    snprintf(pci->legacy, sizeof pci->legacy, "%s", bus + 4);
    pci->pci_device_id = 0x233010de;
DONE(SUCCESS)

READS(nvmlDeviceGetPowerUsage, unsigned, power_mw)
READS(nvmlDeviceGetEnforcedPowerLimit, unsigned, power_limit_mw)
READS(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, clock_reasons)
READS(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, clock_reasons)
READS(nvmlDeviceGetPersistenceMode, unsigned, persistence)
READS(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, pcie_generation)
READS(nvmlDeviceGetCurrPcieLinkWidth, unsigned, pcie_width)
READS(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, pcie_generation_max)
READS(nvmlDeviceGetMaxPcieLinkWidth, unsigned, pcie_width_max)
READS(nvmlDeviceGetPcieReplayCounter, unsigned, pcie_replays)
READS(nvmlDeviceGetRetiredPagesPendingStatus, unsigned, retired_pending)

CALL(nvmlDeviceGetTemperature, Device *d, unsigned sensor, unsigned *value) ON(d)
DONE(sensor ? INVALID_ARGUMENT : put(value, GPU(d)[temperature_c]))

CALL(nvmlDeviceGetTemperatureThreshold, Device *d, unsigned which, unsigned *value) ON(d)
    static const int facts[] = {shutdown_c, slowdown_c, memory_max_c, gpu_max_c};
DONE(which > 3 ? NOT_SUPPORTED : put(value, GPU(d)[facts[which]]))

CALL(nvmlDeviceGetClockInfo, Device *d, unsigned type, unsigned *value) ON(d)
DONE(put(value, GPU(d)[type == 2 ? memory_clock_mhz : sm_clock_mhz]))

CALL(nvmlDeviceGetMaxClockInfo, Device *d, unsigned type, unsigned *value) ON(d)
DONE(put(value, GPU(d)[type == 2 ? memory_clock_max_mhz : sm_clock_max_mhz]))

CALL(nvmlDeviceGetUtilizationRates, Device *d, Utilization *value) ON(d)
    code = put(&value->gpu, GPU(d)[utilization]);
DONE(code ? code : put(&value->memory, GPU(d)[memory_utilization]))

CALL(nvmlDeviceGetMemoryInfo, Device *d, Memory *value) ON(d)
    if (GPU(d)[memory_total] == NONE) return leave(NOT_SUPPORTED);
    value->total = GPU(d)[memory_total];
    value->used = GPU(d)[memory_used] + GPU(d)[memory_reserved];
    value->free = value->total - value->used;
DONE(SUCCESS)

CALL(nvmlDeviceGetMemoryInfo_v2, Device *d, MemoryV2 *value) ON(d)
    if (value->version != 0x02000028) return leave(ARGUMENT_VERSION_MISMATCH);
    if (GPU(d)[memory_total] == NONE) return leave(NOT_SUPPORTED);
    value->total = GPU(d)[memory_total];
    value->reserved = GPU(d)[memory_reserved];
    value->used = GPU(d)[memory_used];
    value->free = value->total - value->used - value->reserved;
DONE(SUCCESS)

CALL(nvmlDeviceGetMigMode, Device *d, unsigned *current, unsigned *pending) ON(d)
    code = put(current, GPU(d)[mig]);
DONE(code ? code : put(pending, GPU(d)[mig_pending]))

CALL(nvmlDeviceGetRemappedRows, Device *d, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failure)
    ON(d)
    code = put(corrected, GPU(d)[remapped_corrected]);
    if (!code) code = put(uncorrected, GPU(d)[remapped_uncorrected]);
    if (!code) code = put(pending, GPU(d)[remap_pending]);
DONE(code ? code : put(failure, GPU(d)[remap_failure]))

static int nvlink_state(Device *d, unsigned link, unsigned *active) {
    if (GPU(d)[nvlinks] == NONE || link >= GPU(d)[nvlinks]) return INVALID_ARGUMENT;
    *active = !(GPU(d)[nvlinks_down] >> link & 1);
    return SUCCESS;
}

CALL(nvmlDeviceGetNvLinkState, Device *d, unsigned link, unsigned *active) ON(d)
DONE(nvlink_state(d, link, active))

CALL(nvmlDeviceGetTotalEccErrors, Device *d, unsigned type, unsigned counter, unsigned long long *value) ON(d)
    static const int facts[2][2] = {{ecc_corrected, ecc_corrected_ever}, {ecc_uncorrected, ecc_uncorrected_ever}};
DONE(type > 1 || counter > 1 ? INVALID_ARGUMENT : put64(value, GPU(d)[facts[type][counter]]))

/* nvmlGpuFabricInfo_v2_t and _v3_t: version 0, cluster 4, status 20, clique 24, state 28, health 32, summary 36 */
CALL(nvmlDeviceGetGpuFabricInfoV, Device *d, unsigned char *info) ON(d)
    unsigned version;
    memcpy(&version, info, 4);
    if (version != 0x02000024 && version != 0x03000028) return leave(ARGUMENT_VERSION_MISMATCH);
    if (GPU(d)[fabric_state] == NONE) return leave(NOT_SUPPORTED);
    memset(info + 4, 0, 32);
    memcpy(info + 20, &(int){GPU(d)[fabric_status]}, 4);
    info[28] = GPU(d)[fabric_state];
    memcpy(info + 32, &(uint32_t){GPU(d)[fabric_health]}, 4);
    if (version >> 24 == 3) info[36] = GPU(d)[fabric_summary];
DONE(SUCCESS)

static int tell(const Process *all, unsigned n, unsigned *count, ProcessInfo *to) {
    unsigned room = *count;
    *count = n;
    if (room < n) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < n; i++)
        to[i] = (ProcessInfo){all[i].pid, all[i].bytes, 0xFFFFFFFF, 0xFFFFFFFF};
    return SUCCESS;
}

CALL(nvmlDeviceGetComputeRunningProcesses_v3, Device *d, unsigned *count, ProcessInfo *to) ON(d)
    const Gpu *g = &world.gpus[d->index];
DONE(tell(g->processes, g->n_processes, count, to))

CALL(nvmlDeviceGetGraphicsRunningProcesses_v3, Device *d, unsigned *count, ProcessInfo *to) ON(d)
    const Gpu *g = &world.gpus[d->index];
DONE(tell(g->renderers, g->n_renderers, count, to))

/* --- field values ----------------------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t field, scope;
    int64_t at, latency;
    unsigned type, code;
    union { double d; unsigned u; unsigned long long ull; } value;
} FieldValue;

static int fact_of(unsigned field) {
    switch (field) {
    case 1: return ecc_mode;
    case 3: return ecc_corrected;
    case 4: return ecc_uncorrected;
    case 5: return ecc_corrected_ever;
    case 6: return ecc_uncorrected_ever;
    case 29: return retired_corrected;
    case 30: return retired_uncorrected;
    case 31: return retired_pending;
    case 38: return nvlink_flit_errors;
    case 45: return nvlink_data_errors;
    case 52: return nvlink_replays;
    case 59: return nvlink_recoveries;
    case 82: return memory_temperature_c;
    case 83: return energy_mj;
    case 91: return nvlinks;
    case 94: return pcie_replays;
    case 142: return remapped_corrected;
    case 143: return remapped_uncorrected;
    case 144: return remap_pending;
    case 145: return remap_failure;
    case 185: case 186: return power_mw;
    case 190: return power_limit_mw;
    case 230: return recovery_action;
    default: return -1;
    }
}

static void answer(Device *d, FieldValue *f) {
    int fact = fact_of(f->field);
    unsigned active = 0;
    f->type = 3; /* unsigned long long */
    if (f->field == 165) { /* state of the link named by scope */
        f->code = GPU(d)[nvlink_by_field] ? nvlink_state(d, f->scope, &active) : NOT_SUPPORTED;
        f->type = 1;
        f->value.u = active;
    } else if (fact < 0)
        f->code = NOT_SUPPORTED;
    else
        f->code = put64(&f->value.ull, GPU(d)[fact]);
}

CALL(nvmlDeviceGetFieldValues, Device *d, int count, FieldValue *values) ON(d)
    for (int i = 0; i < count; i++) answer(d, &values[i]);
DONE(SUCCESS)

/* --- events ------------------------------------------------------------------------------------------------------------ */

typedef struct { Device *device; unsigned long long type, data; unsigned gpu_instance, compute_instance; } EventData;

CALL(nvmlEventSetCreate, EventSet **set)
    int code = enter(__func__, -1, 1);
    if (code) return leave(code);
    EventSet *made = calloc(1, sizeof *made);
    for (int i = 0; i < world.n_events; i++)
        if (world.events[i].number > made->seen) made->seen = world.events[i].number;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path());
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    made->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    inotify_add_watch(made->watch, slash ? folder : ".", IN_MOVED_TO | IN_CLOSE_WRITE);
    *set = made;
DONE(SUCCESS)

CALL(nvmlDeviceGetSupportedEventTypes, Device *d, unsigned long long *types) ON(d)
    *types = 0x1ff;
DONE(SUCCESS)

CALL(nvmlDeviceRegisterEvents, Device *d, unsigned long long types, EventSet *set) ON(d)
    set->types[d->index] |= types;
DONE(SUCCESS)

CALL(nvmlEventSetFree, EventSet *set)
    int code = enter(__func__, -1, 1);
    if (code) return leave(code);
    close(set->watch);
    free(set);
DONE(SUCCESS)

static int next_event(EventSet *set, EventData *data) {
    for (int i = 0; i < world.n_events; i++) {
        const Event *e = &world.events[i];
        if (e->number <= set->seen) continue;
        set->seen = e->number;
        if (e->gpu < 0 || e->gpu >= MAX_GPUS || !(set->types[e->gpu] & e->type)) continue;
        *data = (EventData){&devices[e->gpu], e->type, e->data, 0xFFFFFFFF, 0xFFFFFFFF};
        return 1;
    }
    return 0;
}

static int a_watched_gpu_is_lost(const EventSet *set) {
    for (int i = 0; i < world.count && i < MAX_GPUS; i++)
        if (set->types[i] && world.gpus[i].fact[lost]) return 1;
    return 0;
}

static long left_ms(const struct timespec *until) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (until->tv_sec - now.tv_sec) * 1000 + (until->tv_nsec - now.tv_nsec) / 1000000;
}

int nvmlEventSetWait_v2(EventSet *set, EventData *data, unsigned timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    int code = enter(__func__, -1, 1);
    if (code) return leave(code);
    for (;;) {
        refresh();
        if (next_event(set, data)) return leave(SUCCESS);
        if (a_watched_gpu_is_lost(set)) return leave(GPU_IS_LOST);
        long left = left_ms(&until);
        if (left <= 0) return leave(TIMEOUT);
        pthread_mutex_unlock(&lock);
        char news[4096];
        struct pollfd watch = {set->watch, POLLIN, 0};
        if (poll(&watch, 1, left) > 0)
            while (read(set->watch, news, sizeof news) > 0) continue;
        pthread_mutex_lock(&lock);
    }
}
