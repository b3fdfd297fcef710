#include "gvisor_probe/commands.h"

#include <signal.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/stop.h"

/*
 * gVisor with oci-seccomp=true answers EPERM to the clone3 that profiles want answered with ENOSYS,
 * and glibc then starts no thread. That is worth a look from inside, so go on without one: the
 * signals end the process as they used to.
 */
bool command_start(struct err *err)
{
    struct err failed = {0};
    sigset_t stops;

    if (stop_start(getenv("ARGO_DEADLINE"), NULL, &failed))
        return true;
    if (failed.status == STATUS_USAGE) {
        *err = failed;
        return false;
    }
    log_warn("%s; a stop will be abrupt", failed.text);
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
    return true;
}
