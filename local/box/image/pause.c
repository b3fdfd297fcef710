// Process 1 of a pod's shared namespaces, and of the box's own: it holds them open, reaps what its
// children leave behind, and goes when asked.
#include <signal.h>
#include <unistd.h>

static void quit(int number)
{
    (void)number;
    _exit(0);
}

int main(void)
{
    struct sigaction reap = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    struct sigaction stop = {.sa_handler = quit};

    sigaction(SIGCHLD, &reap, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    for (;;)
        pause();
}
