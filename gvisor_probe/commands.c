#include "gvisor_probe/commands.h"

#include <signal.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/stop.h"

/*
 * A stop needs a thread. Under gVisor with oci-seccomp=true, clone3 fails with EPERM where seccomp
 * profiles ask for ENOSYS; glibc then does not fall back to clone, and no thread can start. Probing
 * is still useful there, so the command goes on without the thread: signals then end the process at
 * once.
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
