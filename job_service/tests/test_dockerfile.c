#include "job_service/form/dockerfile.h"

#include "common/tests/short_memory.h"

static const char *const bases[] = {"debian:12", "alpine", "registry.example:5000/team/base:1",
                                    "docker.io/library/busybox:1.36", "node:latest"};
static const struct dockerfile_rules rules = {bases, ARRAY_LEN(bases)};

static bool check(const char *text, size_t len, struct err *err)
{
    unsigned char *exact = exact_copy(text, len);
    bool done = dockerfile_check((const char *)exact, len, &rules, err);

    free(exact);
    return done;
}

static void takes_what_the_builder_builds(void **state)
{
    static const char *const texts[] = {
        "FROM debian:12\n",
        "from debian:12",
        "\xef\xbb\xbf"
        "FROM debian:12\r\nRUN true\r\n",
        "  FROM\tdebian:12 \t\n",
        "\n# nothing\n  # nothing\n\nFROM scratch\n",
        "FROM debian:12@sha256:0123\n",
        "FROM docker.io/library/debian:12\nFROM library/debian:12\nFROM docker.io/debian:12\n",
        "FROM alpine\nFROM alpine:3\nFROM busybox:1.36\nFROM node\nFROM node:latest\n",
        "FROM registry.example:5000/team/base:1\n",
        "FROM --platform=linux/amd64 debian:12\nFROM --platform=$BUILDPLATFORM debian:12\n",
        "FROM debian:12 AS one\nFROM one as Two.2-x_y\nFROM Two.2-x_y\n",
        "FROM debian:12 AS one\nFROM debian:12\nCOPY --from=\"one\" /a /b\n",
        /* Arguments before FROM. */
        "ARG V=12\nFROM debian:$V\nFROM debian:${V}\nFROM \"debian:$V\"\n",
        "ARG A=debian B=12\nFROM $A:$B\n",
        "ARG V=1\nARG V=2\nARG W=1$V\nARG V\nFROM debian:$W\n",
        "FROM ${BASE:-debian:12}\nFROM ${BASE:-debian:${V:-12}}\n",
        "ARG X=y\nFROM ${X:+debian:12}\nFROM debian${NONE:+x}:12\n",
        "ARG Q='deb'ian:12\nFROM $Q\n",
        "ARG TEXT=\"two words\" V=12\nARG PRICE=5$ D='$V' \nARG E=it\\'s\\\nARG F=\"a'b\"\nFROM "
        "debian:$V\n",
        "FROM debian:12\nARG LATER=x OTHER\nARG TEXT=\"two words\"\n",
        /* Continuations. */
        "FROM \\\n debian:12\n",
        "FR\\\nOM debian:12\n",
        "FROM debian:12\nRUN a && \\\n# a comment\n\n   # another \\\n  b\n",
        "FROM debian:12\nRUN a \\  \t\n b\n",
        "FROM debian:12\\",
        "\\\nFROM debian:12\n",
        "FROM debian:12\nRUN a \\\n",
        "FROM debian:12\nRUN a \\\r\n b\r\n",
        "# escape=`\nFROM `\n debian:12\nRUN c:\\`\nx\n",
        " # ESCAPE = ` \r\nFROM `\r\n debian:12\n",
        "# syntax=docker/dockerfile:1\n#\tcheck\t=\tskip=all\nFROM debian:12\n",
        "FROM debian:12\r\nRUN a\r",
        "# a comment\n# escape=`\nFROM debian:12\nRUN a \\\n b\n",
        "# other=1\n# escape=x\nFROM debian:12\n",
        "\n# escape=`\nFROM \\\n debian:12\n",
        /* `<<` that does not begin a here-document. */
        "FROM debian:12\nRUN echo $((1 << 4)) $(( 1 <<x )) $(( (1) <<x ))\n",
        "FROM debian:12\nRUN echo 'a <<EOF' \"b <<EOF\" <<<EOF \\<<EOF 1<<4\n",
        "FROM debian:12\nRUN ((x = 1 <<y))\n",
        "FROM debian:12\nRUN [\"sh\", \"-c\", \"cat <<EOF\"]\n",
        "FROM debian:12\nRUN echo \\\" ' <<EOF'\n",
        "FROM debian:12\nRUN echo << 1\n",
        "FROM debian:12\nRUN echo a # <<EOF\n",
        "FROM debian:12\nRUN (a; b) | (c)\n",
        "# escape=`\nFROM debian:12\nRUN dir c:\\\n",
        /* Options. */
        "FROM debian:12\nRUN --mount=type=cache,target=/c -- true\n",
        "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a --chown=1:1 --chmod=755 /x /y\n",
        "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=00 [\"/x y\", \"/z\"]\n",
        "FROM debian:12\nCOPY --from=busybox:1.36 /x /y\n",
        "FROM debian:12 AS a\nFROM a\nRUN --mount=type=bind,from=a,target=/a true\n",
        "FROM debian:12\nRUN --mount=type=cache,target=/from true\n",
        /* The others. */
        "FROM debian:12\nENV a=b c=\"d e\" f='g h' i=j\\ k\nENV a b c\nLABEL x=\n"
        "ENV p=${q:-r}$s'${t%u}'\\${v%w}\n",
        "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nCMD\nENTRYPOINT\nENTRYPOINT []\n",
        "FROM debian:12\nHEALTHCHECK --interval=5s --retries=3 CMD true\nHEALTHCHECK none\n",
        "FROM debian:12\nONBUILD RUN x\nMAINTAINER me\nWORKDIR /x\nUSER 1\nEXPOSE 80/tcp\n"
        "VOLUME /v\nSTOPSIGNAL SIGTERM\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct err err = {0};
        CHECK(check(texts[i], strlen(texts[i]), &err), "%s: %s", texts[i], err.text);
        CHECK(err.text[0] == '\0', "%s", err.text);
    }
}

struct wrong {
    const char *text, *says;
};

static void check_wrong(const struct wrong *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        CHECK(!check(cases[i].text, strlen(cases[i].text), &err), "%s", cases[i].text);
        CHECK(err.status == STATUS_INPUT && strstr(err.text, cases[i].says) != NULL &&
                  strncmp(err.text, "Dockerfile:", 11) == 0,
              "%s: %s", cases[i].text, err.text);
    }
}

static void tells_where_a_stage_is_wrong(void **state)
{
    static const struct wrong cases[] = {
        {"", "Dockerfile:1:1: there is no FROM"},
        {"# only\n\n", "Dockerfile:3:1: there is no FROM"},
        {"ARG A=b\n", "Dockerfile:2:1: there is no FROM"},
        {"RUN x\n", "Dockerfile:1:1: the first instruction must be FROM"},
        {"FROM debian:12\n\n  RNU x\n", "Dockerfile:3:3: unknown instruction 'RNU'"},
        {"FROM debian:12\nRUN\n", "Dockerfile:2:1: RUN wants something after it"},
        {"FROM debian:12\nRUN \\\n\n# x\n", "Dockerfile:2:1: RUN wants something after it"},
        {"FROM debian:12\nRUN --mount=type=tmpfs,target=/x\n", ":33: RUN wants a command"},
        /* Bases. */
        {"FROM\n", "Dockerfile:1:1: FROM wants something after it"},
        {"FROM --platform=linux/amd64\n", ":1:28: FROM wants an image"},
        {"FROM ubuntu\n", "Dockerfile:1:6: the base 'ubuntu' is not allowed here; take one of: "
                          "scratch, debian:12, alpine,"},
        {"FROM \\\n  ubuntu\n", "Dockerfile:2:3: the base 'ubuntu'"},
        {"FROM debian:11\n", "'debian:11' is not allowed"},
        {"FROM debian\n", "'debian' is not allowed"},
        {"FROM debian:12.1\n", "'debian:12.1' is not allowed"},
        {"FROM evil/debian:12\n", "'evil/debian:12' is not allowed"},
        {"FROM alpine:5000/x\n", "'alpine:5000/x' is not allowed"},
        {"FROM registry.example:5000/team/base\n", "is not allowed"},
        {"FROM node:20\n", "is not allowed"},
        {"FROM $X\n", "Dockerfile:1:6: '$X' is empty here"},
        {"FROM ${X%y}\n", "Dockerfile:1:6: the builder knows variables"},
        {"FROM ${X:-y\n", "Dockerfile:1:6: the builder knows variables"},
        {"FROM ${}\n", "the builder knows variables"},
        {"FROM \"debian:12\n", "Dockerfile:1:6: a quote is not closed"},
        {"FROM --pull debian:12\n", "Dockerfile:1:6: FROM has no option '--pull'"},
        {"FROM --platform=linux/arm64 debian:12\n", "only for linux/amd64"},
        {"FROM debian:12 x\n", "Dockerfile:1:16: AS NAME or nothing follows"},
        {"FROM debian:12 AS\n", "Dockerfile:1:18: a stage's name begins with a letter"},
        {"FROM debian:12 AS 1a\n", "a stage's name begins"},
        {"FROM debian:12 AS _a\n", "a stage's name begins"},
        {"FROM debian:12 AS a/b\n", "a stage's name begins"},
        {"FROM debian:12 AS a b\n", "Dockerfile:1:21: nothing follows the stage's name"},
        {"FROM debian:12 AS scratch\n", "cannot be called scratch"},
        {"FROM scratch AS a\nFROM scratch AS A\n", "Dockerfile:2:17: there is a stage 'a' already"},
        {"FROM scratch AS Build\nFROM build\n", "Dockerfile:2:6: the stage is called 'Build'"},
        {"ARG a-b=1\nFROM scratch\n", "Dockerfile:1:5: ARG wants NAME or NAME=VALUE"},
        {"FROM scratch\nARG 1=x\n", "ARG wants NAME"},
        {"ARG a='b\nFROM scratch\n", "Dockerfile:1:5: a quote is not closed"},
    };
    (void)state;
    check_wrong(cases, ARRAY_LEN(cases));
}

static void tells_where_an_instruction_is_wrong(void **state)
{
    static const struct wrong cases[] = {
        {"FROM debian:12\nCOPY x /y\n", "Dockerfile:2:6: a job is one Dockerfile"},
        {"FROM debian:12\nADD https://x/y /z\n", "a build reaches no network: 'https://x/y'"},
        {"FROM debian:12\nCOPY --from=a x y\n", "Dockerfile:2:6: 'a' is neither"},
        {"FROM debian:12 AS a\nCOPY --from=a x y\n", "'a' is neither"},
        {"FROM debian:12\nCOPY --from=0 x y\n", "'0' is neither"},
        {"FROM scratch\nFROM scratch\nCOPY --from=0x x y\n", "'0x' is neither"},
        {"FROM scratch\nFROM scratch\nCOPY --from=4294967296 x y\n", "is neither"},
        {"FROM debian:12\nCOPY --chown=1\n", "Dockerfile:2:15: COPY wants a source"},
        {"FROM scratch AS B\nFROM scratch\nCOPY --from=b x y\n", "the stage is called 'B'"},
        {"FROM scratch AS b\nFROM scratch\nCOPY --from=b x\n", "wants a source and a destination"},
        {"FROM scratch AS b\nFROM scratch\nADD --from=b x y\n",
         "does not know ADD with '--from=b'"},
        {"FROM debian:12\nCOPY --link x y\n", "does not know COPY with '--link'"},
        {"FROM debian:12\nCOPY <<EOF /x\n", "Dockerfile:2:6: the builder does not know here-doc"},
        /* Here-documents. */
        {"FROM debian:12\nRUN <<EOF\nx\nEOF\n", "Dockerfile:2:5: the builder does not know here"},
        {"FROM debian:12\nRUN cat <<-EOF >x\n", "Dockerfile:2:9: the builder does not"},
        {"FROM debian:12\nRUN a && \\\n  cat <<'E' >x\n", "Dockerfile:3:7: the builder does not"},
        {"FROM debian:12\nRUN cat\t<<_E\n", "Dockerfile:2:9: the builder does not"},
        {"FROM debian:12\nRUN cat 3<<\"E\"\n", "Dockerfile:2:9: the builder does not"},
        {"FROM debian:12\nRUN echo 'it' $((1)) \\' <<EOF\n", "Dockerfile:2:25: the builder"},
        /* Options and values. */
        {"FROM debian:12\nRUN --network=none x\n", "does not know RUN with '--network=none'"},
        {"FROM debian:12\nRUN --mount=type=secret,id=x y\n", "has no secrets"},
        {"FROM debian:12\nRUN --mount=type=ssh y\n", "has no secrets and no ssh"},
        {"FROM debian:12\nRUN --mount=from=u,target=/x y\n", "'u' is neither"},
        {"FROM debian:12\nRUN --mount=type=bind,from=u,target=/x y\n", "'u' is neither"},
        {"FROM debian:12\nENV a\n", "Dockerfile:2:6: a value is missing"},
        {"FROM debian:12\nENV a=b c d=e\n", "Dockerfile:2:9: NAME=VALUE is wanted, not 'c'"},
        {"FROM debian:12\nLABEL a=\"b\n", "Dockerfile:2:7: a quote is not closed"},
        {"FROM debian:12\nENV a it's\n", "Dockerfile:2:7: a quote is not closed"},
        {"FROM debian:12\nENV a=b c=${d%e}\n", "Dockerfile:2:9: the builder knows variables"},
        {"FROM debian:12\nARG a=${b#c}\n", "Dockerfile:2:5: the builder knows variables"},
        {"FROM debian:12\nSHELL /bin/sh\n", "Dockerfile:2:7: SHELL wants a list"},
        {"FROM debian:12\nHEALTHCHECK curl\n", "Dockerfile:2:13: HEALTHCHECK wants CMD or NONE"},
        {"FROM debian:12\nHEALTHCHECK --start-interval=1s CMD x\n", "does not know HEALTHCHECK"},
        {"FROM debian:12\nONBUILD FROM x\n", "Dockerfile:2:9: ONBUILD cannot hold 'FROM'"},
        {"FROM debian:12\nONBUILD ONBUILD x\n", "ONBUILD cannot hold"},
        {"FROM debian:12\nONBUILD NONSENSE\n", "ONBUILD cannot hold 'NONSENSE'"},
        /* Directives and bytes. */
        {"# escape=x\nFROM debian:12\n", "Dockerfile:1:1: escape must be"},
        {"# escape=``\nFROM debian:12\n", "escape must be"},
        {"# escape=\nFROM debian:12\n", "escape must be"},
        {"# syntax=x\n# escape=`\nFROM debian:12\n", "Dockerfile:2:1: the builder knows # escape="},
        {"# escape=`\n# escape=`\nFROM debian:12\n", "Dockerfile:2:1: the builder knows # escape="},
        {"FROM debian:12\n\nRUN a\rb\n", "Dockerfile:3:6: a carriage return within a line"},
        {"FROM debian:12\rRUN a\r", "Dockerfile:1:15: a carriage return"},
        {"FROM debian:12\nRUN \x7f\n", "Dockerfile:2:5: the byte 0x7f"},
        {"FROM debian:12\nRUN \x80\n", "Dockerfile:2:5: the byte 0x80 is no text"},
        {"FROM debian:12\nRUN \xc3\xa4\x1b\n", "Dockerfile:2:7: the byte 0x1b is no text"},
        {"\xef\xbb\xbfROM x\n", "Dockerfile:1:1: unknown instruction 'ROM'"},
        {"FROM debian:12\n\xef\xbb\xbfRUN x\n", "Dockerfile:2:1: unknown instruction"},
    };
    (void)state;
    check_wrong(cases, ARRAY_LEN(cases));
}

static void a_zero_byte_is_no_text(void **state)
{
    static const char text[] = "FROM debian:12\nRUN a\0b\n";
    struct err err = {0};
    (void)state;
    assert_false(check(text, sizeof text - 1, &err));
    assert_non_null(strstr(err.text, "Dockerfile:2:6: the byte 0x00"));
}

/* START, MIDDLE many times, END. */
static char *repeated(const char *start, const char *middle, size_t times, const char *end)
{
    size_t len = strlen(middle), at = strlen(start);
    char *text = malloc(at + times * len + strlen(end) + 1);
    assert_non_null(text);
    memcpy(text, start, at);
    for (size_t i = 0; i < times; i++, at += len)
        memcpy(text + at, middle, len);
    memcpy(text + at, end, strlen(end) + 1);
    return text;
}

static void has_limits_and_names_them(void **state)
{
    static const struct {
        const char *start, *middle;
        size_t times;
        const char *end, *says; /* NULL: it is fine */
    } cases[] = {
        {"FROM debian:12\nRUN ", "x", 65531, "\nRUN y\n", NULL},
        {"FROM debian:12\nRUN ", "x", 65532, "\nRUN y\n",
         "Dockerfile:2:65536: a line of more than"},
        {"FROM debian:12\nRUN ", "\xc3\xa4", 32766, "\n", "a line of more than 65535 bytes"},
        {"FROM debian:12\nRUN ", "a \\\n", 100000, "b\n", NULL},
        {"FROM debian:12\n", "RUN x\n", 999, "", NULL},
        {"FROM debian:12\n", "RUN x\n", 1000, "", "Dockerfile:1001:1: more"},
        {"", "FROM debian:12\n", 32, "", NULL},
        {"", "FROM debian:12\n", 33, "", "Dockerfile:33:6: more than 32 stages"},
        {"", "ARG A=b\n", 64, "FROM scratch\n", NULL},
        {"", "ARG A=b\n", 65, "FROM scratch\n", "Dockerfile:65:5: more than 64 arguments"},
        {"FROM debian:12\nARG A=", "b", 9000, "\nENV A=1\n", NULL},
        {"FROM debian:12\nENV A=", "b", 9000, " c=d\n", NULL},
        {"FROM debian:12\nENV A=\"", "b", 9000, "\n", "Dockerfile:2:5: a quote is not closed"},
        {"FROM debian:12\nRUN [\"", "b", 9000, "\"]\n", NULL},
        {"ARG A=", "b", 9000, "\nFROM scratch\n", "Dockerfile:1:5: a word of more than 511 bytes"},
        {"ARG A=", "b", 300, "\nFROM $A$A\n", "Dockerfile:2:6: a word of more than 511 bytes"},
        {"FROM ", "b", 9000, "\n", "Dockerfile:1:6: a word of more than 511 bytes"},
        {"FROM scratch AS ", "b", 63, "\n", NULL},
        {"FROM scratch AS ", "b", 64, "\n", "a stage's name"},
        {"FROM ", "${a:-", 90, "x\n", "the builder knows variables"},
        {"#", "x\n#", 307200, "\n", "Dockerfile:1:1: more than 921600 bytes"},
        {"", "\\\n", 100000, "FROM scratch\n", NULL},
        {"FROM scratch\nRUN ", "\\ ", 30000, "\n", NULL},
        {"", "unknown-", 100, " x\n", "unknown instruction 'unknown-"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        char *text = repeated(cases[i].start, cases[i].middle, cases[i].times, cases[i].end);
        bool done = check(text, strlen(text), &err);
        CHECK(done == (cases[i].says == NULL), "%.40s: %s", text, err.text);
        CHECK(done || strstr(err.text, cases[i].says) != NULL, "%.40s: %s", text, err.text);
        free(text);
    }
}

static void what_is_shown_of_a_file_cannot_harm_a_terminal(void **state)
{
    static const char text[] = "FROM \xc2\x9b[31mred\n";
    struct err err = {0};
    (void)state;
    assert_false(check(text, sizeof text - 1, &err));
    assert_null(strstr(err.text, "\xc2\x9b"));
}

static void without_memory_it_may_be_tried_again(void **state)
{
    struct err err = {0};
    (void)state;
    short_memory_start(0);
    bool done = dockerfile_check("FROM scratch", 12, &rules, &err);
    bool failed = short_memory_stop();
    assert_true(done != failed);
    assert_true(done || err.status == STATUS_TRANSIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_builder_builds),
        cmocka_unit_test(tells_where_a_stage_is_wrong),
        cmocka_unit_test(tells_where_an_instruction_is_wrong),
        cmocka_unit_test(a_zero_byte_is_no_text),
        cmocka_unit_test(has_limits_and_names_them),
        cmocka_unit_test(what_is_shown_of_a_file_cannot_harm_a_terminal),
        cmocka_unit_test(without_memory_it_may_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
