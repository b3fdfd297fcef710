/* job_runner: process 1 of a container in which somebody else's program runs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/options.h"
#include "common/program.h"
#include "common/whole.h"
#include "job_runner/command.h"
#include "job_runner/run.h"

#define COMMAND_VARIABLE "JOB_RUNNER_COMMAND"

enum { PROGRAM_MAX = 16 << 20, PATH_TEXT = 4096 };

struct runner_options {
    struct run_limits limits;
    const char *install;
    int log_format;
};

/* From the command line alone: the environment is the image's, and so the job's. */
static const struct option_spec specs[] = {
    {.name = "deadline",
     .short_name = 't',
     .arg = "DURATION",
     .fallback = "10m",
     .parse = option_duration,
     .offset = offsetof(struct runner_options, limits.deadline_ms),
     .min = 1,
     .max = 7ull * 24 * 3600 * 1000,
     .argv_only = true,
     .help = "how long the program may take"},
    {.name = "output-limit",
     .short_name = 'o',
     .arg = "SIZE",
     .fallback = "8190K",
     .parse = option_size,
     .offset = offsetof(struct runner_options, limits.output_max),
     .max = 8190 << 10,
     .argv_only = true,
     .help = "how much it may write to stdout and stderr; fewer where lines are very short, "
             "because a node's log keeps 10 MiB with the time of each line"},
    {.name = "result",
     .short_name = 'r',
     .arg = "FILE",
     .fallback = "/data/perf.json",
     .parse = option_text,
     .offset = offsetof(struct runner_options, limits.result),
     .argv_only = true,
     .help = "what it leaves: {\"perf\": NUMBER}"},
    {.name = "install",
     .arg = "DIRECTORY",
     .parse = option_text,
     .offset = offsetof(struct runner_options, install),
     .argv_only = true,
     .help = "only copy this program into DIRECTORY: for an init container"},
    LOG_FORMAT_OPTION(offsetof(struct runner_options, log_format)),
    {0},
};

static const struct program_info info = {
    .name = "job_runner",
    .env_prefix = "JOB_RUNNER",
    .operands = "[COMMAND [ARG...]]",
    .summary =
        "Runs a program as process 1 of its container, within limits, and ends its output with a "
        "record of what became of it.",
    .epilog =
        "Without COMMAND it is a JSON array in $" COMMAND_VARIABLE ".\n"
        "\n"
        "The record is the last line of stdout: U+001E and a JSON object with cause, status,\n"
        "bytes (of the output before it) and perf, or why there is none.\n"
        "\n"
        "Exit status: 0 done; 1 a bug; 2 wrong usage; 10 may pass, retry; 11 cancelled; else\n"
        "the program's: 21 exit, 22 deadline, 23 no-result, 24 bad-result, 25 log-limit,\n"
        "26 image.\n",
};

static bool install(const char *directory, struct err *err)
{
    char path[PATH_TEXT];
    OWNED_BUF(program, PROGRAM_MAX);
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    if (from < 0)
        return err_errno(err, errno, "/proc/self/exe");
    bool done = whole_read(from, "/proc/self/exe", &program, err);
    (void)close(from);
    if (!done)
        return false;
    if (snprintf(path, sizeof path, "%s/job_runner", directory) >= (int)sizeof path)
        return err_set(err, STATUS_USAGE, "--install: the path is too long");
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return err_errno(err, errno, "%s", path);
    done = whole_write(to, program.data, program.len) && fchmod(to, 0555) == 0;
    int failure = errno;
    return (close(to) == 0 && done) || err_errno(err, done ? errno : failure, "%s", path);
}

/* *ret_own is what the caller frees, or NULL. INPUT: what the image says is no command. */
static bool find_command(const struct operands *operands, char ***ret, char ***ret_own,
                         struct err *err)
{
    const char *text = getenv(COMMAND_VARIABLE);

    if (operands->count > 0) {
        *ret = (char **)operands->item;
        return true;
    }
    if (text == NULL)
        return err_set(err, STATUS_USAGE,
                       "which command? none is given, and none is in $%s; see --help",
                       COMMAND_VARIABLE);
    if (!command_read(text, ret_own, err))
        return false;
    *ret = *ret_own;
    return unsetenv(COMMAND_VARIABLE) == 0;
}

static bool say(const struct run_record *record, struct err *err)
{
    OWNED_BUF(text, RUN_RECORD_MAX);

    return run_record_write(record, &text, err) &&
           (whole_write(STDOUT_FILENO, text.data, text.len) ||
            err_errno(err, errno, "cannot write to standard output"));
}

static bool run(const struct runner_options *options, const struct operands *operands,
                int *ret_status, struct err *err)
{
    struct run_record record = {0};
    char **command = NULL, **own = NULL;

    /* Nobody with the program's user may trace it, or open its descriptors through /proc. */
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return err_errno(err, errno, "cannot hide from the program");
    /* As a program expects it. */
    (void)umask(022);
    if (!find_command(operands, &command, &own, err)) {
        if (err->status != STATUS_INPUT)
            return false;
        run_record_fail(&record, RUN_IMAGE, err->text);
    } else if (command[0] == NULL || command[0][0] == '\0') {
        run_record_fail(&record, RUN_IMAGE,
                        "the image names no program: it has neither ENTRYPOINT nor CMD");
    } else if (!run_program(command, &options->limits, &record, err)) {
        command_free(own);
        return false;
    }
    command_free(own);
    *ret_status = run_cause_status(record.cause);
    return say(&record, err);
}

int main(int argc, char **argv)
{
    struct runner_options options = {0};
    struct operands operands;
    struct err err = {0};
    int status = STATUS_DONE;

    program_start();
    enum options_outcome outcome =
        options_read(&info, specs, &options, &operands, argc, argv, &err);
    log_open("job_runner",
             outcome == OPTIONS_BAD ? options_log_format(info.env_prefix, argc, argv)
                                    : (enum log_format)options.log_format,
             NULL);
    bool ok = outcome != OPTIONS_BAD;
    if (outcome == OPTIONS_RUN)
        ok = options.install != NULL ? install(options.install, &err)
                                     : run(&options, &operands, &status, &err);
    int own = program_finish(ok, &err);
    return own != STATUS_DONE ? own : status;
}
