/* A stand-in for libnvidia-ml.so.1. What it answers is read from the file that NVML_ANSWERS names,
 * anew at each call: lines of key=value. A key may end in a card's index (name1=...), which goes
 * before the same key without one. An answer of N/A is "not supported"; errorN=15 makes card N fail
 * with that code as soon as it is opened.
 *
 * Built with -DOLD it has the process lists of R470 and older: version 2, and no version 3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int status;
typedef void *device;
typedef unsigned long long wide;
enum { OK = 0, BAD_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, NOT_LOADED = 9 };

static int read_answer(const char *key, char *value, size_t size) {
    const char *path = getenv("NVML_ANSWERS");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[4096];
    size_t length = strlen(key);
    int found = 0;
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) || line[length] != '=') continue;
        snprintf(value, size, "%s", line + length + 1);
        value[strcspn(value, "\n")] = 0;
        found = 1;
    }
    fclose(file);
    return found;
}

/* Index 0 is no card: handles begin at 1, so that none is NULL. */
static const char *answer(const char *key, device card, const char *otherwise) {
    static char values[8][4096];
    static int next;
    char *value = values[next++ % 8], own[64];
    snprintf(own, sizeof own, "%s%ld", key, (long)card - 1);
    if (card && read_answer(own, value, 4096)) return value;
    return read_answer(key, value, 4096) ? value : otherwise;
}

static status number(const char *key, device card, const char *otherwise, wide *value) {
    const char *said = answer(key, card, otherwise);
    if (!strcmp(said, "N/A")) return NOT_SUPPORTED;
    *value = strtoull(said, NULL, 0);
    return OK;
}

static status narrow(const char *key, device card, const char *otherwise, unsigned *value) {
    wide whole = 0;
    status ended = number(key, card, otherwise, &whole);
    if (ended == OK) *value = (unsigned)whole;
    return ended;
}

static status text(const char *key, device card, const char *otherwise, char *value, unsigned size) {
    const char *said = answer(key, card, otherwise);
    if (!strcmp(said, "N/A")) return NOT_SUPPORTED;
    snprintf(value, size, "%s", said);
    return OK;
}

/* Without answers there is no driver, as on a machine without a card. */
status nvmlInit_v2(void) {
    return getenv("NVML_ANSWERS") ? atoi(answer("init", NULL, "0")) : NOT_LOADED;
}
status nvmlInitWithFlags(unsigned flags) { (void)flags; return nvmlInit_v2(); }
status nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(status code) { (void)code; return "an error of the stand-in"; }

status nvmlSystemGetDriverVersion(char *value, unsigned size) {
    return text("driver", NULL, "580.159.04", value, size);
}

static unsigned count(void) { return (unsigned)atoi(answer("count", NULL, "1")); }
status nvmlDeviceGetCount_v2(unsigned *value) {
    status ended = atoi(answer("count_error", NULL, "0"));
    *value = count();
    return ended;
}

status nvmlDeviceGetHandleByIndex_v2(unsigned index, device *card) {
    if (index >= count()) return BAD_ARGUMENT;
    *card = (device)(long)(index + 1);
    return atoi(answer("error", *card, "0"));
}

status nvmlDeviceGetUUID(device card, char *value, unsigned size) {
    char otherwise[64];
    snprintf(otherwise, sizeof otherwise, "GPU-%08ld-aaaa-bbbb-cccc-000000000000", (long)card - 1);
    return text("uuid", card, otherwise, value, size);
}

status nvmlDeviceGetHandleByUUID(const char *wanted, device *card) {
    char uuid[96];
    for (unsigned index = 0; index < count(); index++) {
        if (nvmlDeviceGetHandleByIndex_v2(index, card) != OK) continue;
        if (nvmlDeviceGetUUID(*card, uuid, sizeof uuid) == OK && !strcmp(uuid, wanted)) return OK;
    }
    return NOT_FOUND;
}

status nvmlDeviceGetName(device card, char *value, unsigned size) {
    return text("name", card, "NVIDIA H100 80GB HBM3", value, size);
}

status nvmlDeviceGetCudaComputeCapability(device card, int *major, int *minor) {
    const char *said = answer("capability", card, "9.0");
    return sscanf(said, "%d.%d", major, minor) == 2 ? OK : NOT_SUPPORTED;
}

typedef struct { wide total, free, used; } memory;
status nvmlDeviceGetMemoryInfo(device card, memory *value) {
    status ended = number("memory_total", card, "85520809984", &value->total);
    return ended ? ended : number("memory_used", card, "0", &value->used);
}

/* bus_id=00000000:1B:00.0 */
typedef struct { char older[16]; unsigned domain, bus, device, id, subsystem; char name[32]; } pci;
status nvmlDeviceGetPciInfo_v3(device card, pci *value) {
    const char *said = answer("bus_id", card, "N/A");
    int met = sscanf(said, "%x:%x:%x", &value->domain, &value->bus, &value->device);
    return met == 3 ? OK : NOT_SUPPORTED;
}

status nvmlDeviceGetPowerUsage(device card, unsigned *value) {
    return narrow("power", card, "120000", value);
}
status nvmlDeviceGetTotalEnergyConsumption(device card, wide *value) {
    return number("energy", card, "N/A", value);
}
status nvmlDeviceGetCurrentClocksThrottleReasons(device card, wide *value) {
    return number("throttle", card, "0", value);
}
status nvmlDeviceGetCurrentClocksEventReasons(device card, wide *value) {
    return number("throttle", card, "0", value);
}

typedef struct { unsigned gpu, memory; } utilization;
status nvmlDeviceGetUtilizationRates(device card, utilization *value) {
    value->memory = 10;
    return narrow("utilization", card, "50", &value->gpu);
}
status nvmlDeviceGetTemperature(device card, unsigned sensor, unsigned *value) {
    (void)sensor;
    return narrow("temperature", card, "45", value);
}
status nvmlDeviceGetClockInfo(device card, unsigned which, unsigned *value) {
    (void)which;
    return narrow("clock", card, "1980", value);
}
status nvmlDeviceGetMigMode(device card, unsigned *now, unsigned *later) {
    *later = 0;
    return narrow("mig", card, "N/A", now);
}

/* compute=12,34: processes by number. */
typedef struct { unsigned pid; wide used; unsigned instance, slice; } process;
static status processes(const char *key, device card, unsigned *room, process *found) {
    char said[4096];
    unsigned met = 0;
    snprintf(said, sizeof said, "%s", answer(key, card, ""));
    if (!strcmp(said, "N/A")) return NOT_SUPPORTED;
    process all[64];
    for (char *pid = strtok(said, ","); pid && met < 64; pid = strtok(NULL, ",")) {
        process one = {(unsigned)atoi(pid), 300ull << 20, 0xffffffff, 0xffffffff};
        all[met++] = one;
    }
    if (!found || *room < met) {
        *room = met;
        return met ? TOO_SMALL : OK;
    }
    memcpy(found, all, met * sizeof(process));
    *room = met;
    return OK;
}

#ifdef OLD
status nvmlDeviceGetComputeRunningProcesses_v2(device card, unsigned *room, process *found) {
    return processes("compute", card, room, found);
}
status nvmlDeviceGetGraphicsRunningProcesses_v2(device card, unsigned *room, process *found) {
    return processes("graphics", card, room, found);
}
#else
status nvmlDeviceGetComputeRunningProcesses_v3(device card, unsigned *room, process *found) {
    return processes("compute", card, room, found);
}
status nvmlDeviceGetGraphicsRunningProcesses_v3(device card, unsigned *room, process *found) {
    return processes("graphics", card, room, found);
}
#endif
