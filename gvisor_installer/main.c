/* gvisor_installer: a command, its options, the way into the node's file system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/program.h"
#include "common/stop.h"
#include "gvisor_installer/containerd/containerd_config.h"
#include "gvisor_installer/install.h"
#include "gvisor_installer/notes/prefix.h"

static const struct {
    const char *name;
    command *run;
    bool needs_release; /* else it may be missing */
    bool unpacks;
    const char *summary;
} commands[] = {
    {"check", check_main, true, false, "say what install would change, and change nothing"},
    {"install", install_main, true, true, "make gVisor a runtime of this node, or change nothing"},
    {"verify", verify_main, true, false, "say whether it is installed as it should be, and works"},
    {"uninstall", uninstall_main, false, false, "take it out again, as if it had never been there"},
    {"status", status_main, false, false, "say what was noted about this node"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void)
{
    (void)printf("Usage: gvisor_installer COMMAND [OPTION...]\n"
                 "Puts gVisor on a Kubernetes node, where containerd finds it, or nothing at all.\n"
                 "\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    (void)printf(
        "\n`gvisor_installer COMMAND --help` tells the options, which all commands share.\n"
        "\n"
        "Exit status: 0 done; 1 a bug; 2 wrong usage; 3 a configuration or an archive is\n"
        "broken; 4 refused, or not permitted; 5 gVisor does not work; 10 may pass, retry;\n"
        "11 cancelled, retry.\n");
}

/* First the name of the payload's release: without it there is nothing to plan. */
static bool find_release(struct session *session, bool needed, struct err *err)
{
    struct install_options *options = session->options;

    session->source = (struct release_source){.directory = -1, .archive = -1};
    session->source.shown = options->archive == NULL ? options->payload : options->archive;
    if (options->archive == NULL)
        session->source.directory = open(options->payload, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (options->archive == NULL && session->source.directory < 0 && errno != ENOENT && needed)
        return err_errno(err, errno, "cannot open --payload %s", options->payload);
    if (options->release != NULL)
        return true;
    if (session->source.directory >= 0 &&
        !release_name(session->source.directory, options->payload_release,
                      sizeof options->payload_release, err))
        return false;
    options->release = options->payload_release[0] != '\0' ? options->payload_release : "none";
    if (options->payload_release[0] != '\0')
        return true;
    return !needed || err_set(err, STATUS_USAGE,
                              "which release? %s has no file RELEASE: name --payload or --release",
                              options->payload);
}

/* Downloads only a release that is not there yet. */
static bool open_archive(struct session *session, struct err *err)
{
    const struct install_options *options = session->options;
    const char *scratch = getenv("TMPDIR");
    char directory[CONFIG_PATH_MAX * 3];
    bool whole;

    if (options->archive == NULL)
        return true;
    (void)snprintf(directory, sizeof directory, "%s%s/releases/%s",
                   options->chroot == NULL ? "" : options->chroot, options->prefix,
                   options->release);
    if (!release_is_whole(directory, &whole, err))
        return false;
    if (whole)
        return true;
    session->source.archive = release_open_archive(
        options->archive, options->archive_sha512 == NULL ? "" : options->archive_sha512,
        scratch == NULL || scratch[0] == '\0' ? "/tmp" : scratch, err);
    return session->source.archive >= 0;
}

static bool enter(const char *root, struct err *err)
{
    if (root == NULL)
        return true;
    if (chroot(root) != 0 || chdir("/") != 0)
        return err_errno(err, errno, "cannot enter %s", root);
    /* The node's programs are where the node has them; systemctl works though it sees a chroot. */
    return (setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1) ==
                0 &&
            setenv("SYSTEMD_IGNORE_CHROOT", "1", 1) == 0) ||
           err_errno(err, errno, "cannot set the environment");
}

static bool run(size_t index, struct install_options *options, struct err *err)
{
    struct session session = {.options = options};

    if (!stop_start(getenv("ARGO_DEADLINE"), NULL, err) ||
        !find_release(&session, commands[index].needs_release, err) ||
        (commands[index].unpacks && !open_archive(&session, err)))
        return false;
    /* Reading only: neither asks Kubernetes. */
    bool offline = commands[index].run == check_main || commands[index].run == status_main;
    if (!offline && !node_open(options, &session.node, err))
        return false;
    int outside = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool done = enter(options->chroot, err) && prefix_check(options, err) &&
                commands[index].run(&session, err);
    /* Back to where /dev/termination-log is. */
    if (options->chroot != NULL && outside >= 0 && fchdir(outside) == 0)
        (void)!chroot(".");
    node_close(session.node);
    return done;
}

static bool dispatch(int argc, char **argv, struct err *err)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0) {
        print_help();
        return true;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        (void)printf("gvisor_installer %s\n", PROGRAM_VERSION);
        return true;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        struct install_options options;
        if (strcmp(name, commands[i].name) != 0)
            continue;
        enum options_outcome outcome = install_options_read(&options, argc - 1, argv + 1, err);
        log_open("gvisor_installer", (enum log_format)options.common.log_format,
                 getenv("TRACEPARENT"));
        if (outcome != OPTIONS_RUN)
            return outcome == OPTIONS_DONE;
        return run(i, &options, err);
    }
    if (name[0] == '\0')
        return err_set(err, STATUS_USAGE,
                       "which command? check, install, verify, uninstall or status; see --help");
    return err_set(err, STATUS_USAGE, "unknown %s '%s'; see --help",
                   name[0] == '-' ? "option" : "command", name);
}

int main(int argc, char **argv)
{
    struct err err = {0};

    program_start();
    /* The node's other users must be able to read what we write. */
    (void)umask(022);
    log_open("gvisor_installer", LOG_AUTO, getenv("TRACEPARENT"));
    return program_finish(dispatch(argc, argv, &err), &err);
}
