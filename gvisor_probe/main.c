#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "common/options.h"
#include "common/program.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/observe/observed.h"

static const struct {
    const char *name;
    command *run;
    const char *summary;
} commands[] = {
    {"run", run_main, "ask this kernel, and write down what it answers"},
    {"costs", costs_main, "measure what calls cost here"},
    {"witness", witness_main, "look from the host's side at what really landed there"},
    {"compare", compare_main, "say what differs between reports, and what explains it"},
    {"list", list_main, "name the probes"},
    {"explain", explain_main, "say what a probe does, and what it proves"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void)
{
    (void)printf("Usage: gvisor_probe COMMAND [OPTION...]\n"
                 "Shows with evidence what a container's runtime isolates, and what it does not.\n"
                 "\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    (void)printf(
        "\n`gvisor_probe COMMAND --help` tells a command's options; each writes --report FILE.\n"
        "\n"
        "Examples:\n"
        "  gvisor_probe run                                in any container: which kernel is it?\n"
        "  gvisor_probe run --path /host --report a.json   and what becomes of files on /host?\n"
        "  gvisor_probe compare a.json b.json              the same pod under two runtimes\n"
        "  gvisor_probe explain netlink_census             what a probe does, and what it proves\n"
        "\n"
        "Exit status: 0 done; 1 a bug; 2 wrong usage; 3 a report is broken; 4 refused, or not\n"
        "permitted; 5 an expectation is not met; 10 may pass, retry; 11 cancelled, retry.\n");
}

static bool dispatch(const struct birth *birth, int argc, char **argv, struct err *err)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0) {
        print_help();
        return true;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        (void)printf("gvisor_probe %s\n", PROGRAM_VERSION);
        return true;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(birth, argc - 1, argv + 1, err);
    if (name[0] == '\0')
        return err_set(err, STATUS_USAGE,
                       "which command? run, costs, witness, compare, list or "
                       "explain; see --help");
    return err_set(err, STATUS_USAGE, "unknown %s '%s'; see --help",
                   name[0] == '-' ? "option" : "command", name);
}

int main(int argc, char **argv)
{
    struct birth birth = {0};
    struct timespec age;
    struct err err = {0};

    if (clock_gettime(CLOCK_BOOTTIME, &age) == 0)
        birth.boottime_ns = (uint64_t)age.tv_sec * 1000000000u + (uint64_t)age.tv_nsec;
    birth.umask = umask(027);
    program_start();
    log_open("gvisor_probe", LOG_AUTO, getenv("TRACEPARENT"));
    return program_finish(dispatch(&birth, argc, argv, &err), &err);
}
