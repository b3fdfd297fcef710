/* Waits for `witness serve` to serve, or to end. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json_in.h"
#include "common/stop.h"
#include "gvisor_probe/witness/witness.h"

enum { LOOK_MS = 100 };

typedef bool condition(int dir, bool *ret, struct err *err);

static bool is_served(int dir, bool *ret, struct err *err)
{
    struct stat st;

    (void)err;
    *ret = fstatat(dir, WITNESS_DECOYS, &st, AT_SYMLINK_NOFOLLOW) == 0;
    return true;
}

static bool has_ended(int dir, bool *ret, struct err *err)
{
    OWNED_BUF(text, WITNESS_RECORD_MAX);

    if (!witness_read_decoys(dir, &text, err))
        return false;
    *ret = text.len == 0; /* they were never served */
    if (*ret)
        return true;
    cJSON *record = json_parse(WITNESS_DECOYS, text.data, text.len, err);
    if (record == NULL)
        return false;
    *ret = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(record, "serving"));
    cJSON_Delete(record);
    return true;
}

/* *ret tells whether the condition came true in time. Fails if it cannot be checked, or CANCELLED.
 */
static bool await(int dir, condition *holds, uint64_t wait_ms, bool *ret, struct err *err)
{
    for (uint64_t waited = 0;; waited += LOOK_MS) {
        if (!holds(dir, ret, err))
            return false;
        if (*ret || waited >= wait_ms)
            return true;
        if (stop_wait(-1, 0, LOOK_MS, err) < 0)
            return false;
    }
}

bool witness_ready(const char *path, uint64_t wait_ms, struct err *err)
{
    bool served = false;
    int dir = witness_open(path, err);

    if (dir < 0)
        return false;
    bool known = await(dir, is_served, wait_ms, &served, err);
    (void)close(dir);
    return known && (served || err_set(err, STATUS_TRANSIENT,
                                       "%s: `witness serve` is not there, or not yet", path));
}

static bool ask(int dir, struct err *err)
{
    int fd = openat(dir, WITNESS_END, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(err, errno, "cannot make %s", WITNESS_END);
    (void)close(fd);
    return true;
}

bool witness_end(const char *path, uint64_t wait_ms, struct err *err)
{
    bool ended = false;
    int dir = witness_open(path, err);

    if (dir < 0)
        return false;
    bool known = ask(dir, err) && await(dir, has_ended, wait_ms, &ended, err);
    (void)unlinkat(dir, WITNESS_END, 0);
    (void)close(dir);
    return known &&
           (ended || err_set(err, STATUS_TRANSIENT,
                             "%s: `witness serve` did not end when it was asked to", path));
}
