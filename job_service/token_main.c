/* `job_service token create|import|list|revoke`: what clients show to be let in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/log.h"
#include "common/options.h"
#include "common/sha256.h"
#include "common/whole.h"
#include "job_service/admin/admin.h"
#include "job_service/commands.h"
#include "job_service/token/token.h"

struct token_options {
    const char *dsn, *scopes, *note, *not_before;
    uint64_t expires_ms;
    int log_format;
};

static const struct option_spec specs[] = {
    {.name = "scopes",
     .arg = "LIST",
     .fallback = "submit,read,cancel",
     .parse = option_text,
     .offset = offsetof(struct token_options, scopes),
     .help = "what it may do: submit, read, cancel",
     .argv_only = true},
    {.name = "expires",
     .arg = "TIME",
     .parse = option_duration,
     .min = 1000,
     .max = UINT64_C(10) * 366 * 86400 * 1000,
     .offset = offsetof(struct token_options, expires_ms),
     .help = "from now, such as 2160h; else never",
     .argv_only = true},
    {.name = "not-before",
     .arg = "TIME",
     .parse = option_text,
     .offset = offsetof(struct token_options, not_before),
     .help = "valid from then on, as PostgreSQL reads times: '2026-12-01 08:00 UTC'",
     .argv_only = true},
    {.name = "note",
     .arg = "TEXT",
     .parse = option_text,
     .offset = offsetof(struct token_options, note),
     .help = "for whom or what it is, shown by list",
     .argv_only = true},
    DSN_OPTION(offsetof(struct token_options, dsn)),
    LOG_FORMAT_OPTION(offsetof(struct token_options, log_format)),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "job_service token",
    .env_prefix = "JOB_SERVICE",
    .operands = "create OWNER|import OWNER|list|revoke ID",
    .summary = "Makes, lists and revokes tokens. A token is shown once: the database keeps its "
               "SHA-256.",
    .epilog = "  job_service token create alice --expires 2160h    # prints the token\n"
              "  job_service token import alice < FILE             # one that somebody chose\n"
              "  job_service token list\n"
              "  job_service token revoke 3\n",
};

static bool keep(struct pg *pg, const char *owner, const char *token, bool weak,
                 const struct token_options *options, struct err *err)
{
    struct sha256 sum;
    char hash[SHA256_HEX + 3] = "\\x", hint[TOKEN_HINT + 1], expires[32], missing[160];
    /* Of a short chosen one the hint would be most of it. */
    size_t shown = weak ? 0 : TOKEN_HINT;
    const char *params[] = {owner,
                            hash,
                            hint,
                            options->scopes,
                            weak ? "t" : "f",
                            options->note,
                            options->expires_ms == 0 ? NULL : expires,
                            options->not_before};

    sha256_init(&sum);
    sha256_add(&sum, token, strlen(token));
    sha256_hex(&sum, hash + 2);
    memcpy(hint, token, shown);
    hint[shown] = '\0';
    (void)snprintf(expires, sizeof expires, "%llu",
                   (unsigned long long)(options->expires_ms / 1000));
    (void)snprintf(missing, sizeof missing, "there is no owner '%s': job_service owner create",
                   owner);
    bool done = admin_change(
        pg,
        "INSERT INTO token (owner, hash, hint, scopes, weak, note, expires_at, not_before)"
        " SELECT id, $2::bytea, $3, string_to_array($4, ','), $5::boolean, $6,"
        " now() + $7::bigint * interval '1 second', $8::timestamptz FROM owner WHERE name = $1",
        8, params, missing, err);
    if (!done && strcmp(pg_sqlstate(pg), "23505") == 0)
        return err_set(err, STATUS_REFUSED, "that token is somebody's already");
    if (!done && strcmp(pg_sqlstate(pg), "23514") == 0)
        return err_set(err, STATUS_USAGE, "--scopes '%.80s': of submit, read and cancel",
                       options->scopes);
    return done;
}

static bool create(struct pg *pg, const char *owner, const struct token_options *options,
                   struct err *err)
{
    uint8_t random[TOKEN_RANDOM_BYTES];
    char token[TOKEN_TEXT + 1];

    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_set(err, STATUS_TRANSIENT, "the kernel gives no randomness");
    token_make(token, random);
    if (!keep(pg, owner, token, false, options, err))
        return false;
    (void)printf("%s\n", token);
    return true;
}

/* From stdin, because arguments are for everybody to see. */
static bool import(struct pg *pg, const char *owner, const struct token_options *options,
                   struct err *err)
{
    OWNED_BUF(text, 2 * TOKEN_CHOSEN_MAX);

    if (!whole_read(STDIN_FILENO, "standard input", &text, err))
        return false;
    while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]) != NULL)
        text.data[--text.len] = '\0';
    if (strlen(text.data) != text.len || !token_may_be_one(text.data))
        return err_set(
            err, STATUS_USAGE,
            "standard input holds no token: one line of 1 to %d printable characters, and whole "
            "where it begins with ajt_",
            TOKEN_CHOSEN_MAX);
    bool weak = !token_is_drawn(text.data);
    if (!keep(pg, owner, text.data, weak, options, err))
        return false;
    if (weak)
        log_warn("a token that somebody chose can be guessed: job_service token create draws one");
    return true;
}

static bool list(struct pg *pg, struct err *err)
{
    return admin_show(
        pg,
        "SELECT t.id, o.name AS owner, t.hint || '...' AS token, array_to_string(t.scopes, ',') AS"
        " scopes, CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= now() THEN"
        " 'expired' WHEN t.not_before > now() THEN 'not yet' WHEN t.weak THEN 'weak' ELSE 'valid'"
        " END AS state, to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS made,"
        " to_char(t.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS expires, t.note"
        " FROM token t JOIN owner o ON o.id = t.owner ORDER BY t.id",
        0, NULL, err);
}

static bool revoke_token(struct pg *pg, const char *id, struct err *err)
{
    size_t digits = strspn(id, "0123456789");

    if (digits == 0 || digits > 9 || id[digits] != '\0')
        return err_set(err, STATUS_USAGE, "revoke wants the number that `token list` shows");
    return admin_change(pg,
                        "UPDATE token SET revoked_at = coalesce(revoked_at, now())"
                        " WHERE id = $1::int",
                        1, &id, "there is no token of that number", err);
}

static bool run(const struct token_options *options, const struct operands *operands,
                struct err *err)
{
    const char *verb = operands->count > 0 ? operands->item[0] : "";
    const char *operand = operands->count > 1 ? operands->item[1] : NULL;
    struct pg *pg;
    bool creates = strcmp(verb, "create") == 0, imports = strcmp(verb, "import") == 0;
    bool lists = strcmp(verb, "list") == 0, revokes = strcmp(verb, "revoke") == 0;

    if (!(creates || imports || lists || revokes) || operands->count != (lists ? 1 : 2))
        return err_set(err, STATUS_USAGE,
                       "token wants create OWNER, import OWNER, list, or revoke ID");
    if (((creates || imports) && !admin_check_owner(operand, err)) ||
        !admin_open(options->dsn, &pg, err))
        return false;
    bool done = lists     ? list(pg, err)
                : revokes ? revoke_token(pg, operand, err)
                : creates ? create(pg, operand, options, err)
                          : import(pg, operand, options, err);
    pg_close(pg);
    return done;
}

bool token_main(int argc, char **argv, struct err *err)
{
    struct token_options options = {0};
    struct operands operands;
    enum options_outcome outcome = options_read(&info, specs, &options, &operands, argc, argv, err);

    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    log_open("job_service", (enum log_format)options.log_format, getenv("TRACEPARENT"));
    return run(&options, &operands, err);
}
