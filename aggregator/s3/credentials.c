#include "aggregator/s3/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/whole.h"

enum { FILE_MAX = 64 * 1024 };

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* What goes into headers. */
static bool put(char *to, size_t size, const char *name, const char *value, size_t len,
                struct err *err)
{
    for (size_t i = 0; i < len; i++)
        if (value[i] <= ' ' || value[i] > '~')
            return err_set(err, STATUS_USAGE,
                           "%s holds a blank, a line end or a character that no key has: was it "
                           "made with echo?",
                           name);
    if (len == 0 || len >= size)
        return err_set(err, STATUS_USAGE, "%s is to have 1 to %zu characters", name, size - 1);
    memcpy(to, value, len);
    to[len] = '\0';
    return true;
}

static bool read_environment(struct s3_credentials *ret, bool *ret_found, struct err *err)
{
    const char *id = variable("AWS_ACCESS_KEY_ID"), *secret = variable("AWS_SECRET_ACCESS_KEY");
    const char *session = variable("AWS_SESSION_TOKEN");

    *ret_found = id != NULL || secret != NULL;
    if (!*ret_found)
        return true;
    if (id == NULL || secret == NULL)
        return err_set(err, STATUS_USAGE, "%s is set, but %s is not",
                       id != NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                       id != NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return put(ret->id, sizeof ret->id, "AWS_ACCESS_KEY_ID", id, strlen(id), err) &&
           put(ret->secret, sizeof ret->secret, "AWS_SECRET_ACCESS_KEY", secret, strlen(secret),
               err) &&
           (session == NULL || put(ret->session, sizeof ret->session, "AWS_SESSION_TOKEN", session,
                                   strlen(session), err));
}

/* As libpq does it for keys: its own file is its owner's alone; a Secret's, root's, the group's. */
static bool check_mode(const char *path, const struct stat *st, struct err *err)
{
    const mode_t forbidden =
        st->st_uid == 0 && geteuid() != 0 ? S_IRWXO | S_IWGRP : S_IRWXG | S_IRWXO;

    if (!S_ISREG(st->st_mode))
        return err_set(err, STATUS_REFUSED, "%s is not a regular file", path);
    return (st->st_mode & forbidden) == 0 ||
           err_set(err, STATUS_REFUSED,
                   "%s is not read: others may with its mode %04o; make it 0600, or in a pod give "
                   "the Secret's volume defaultMode 0440",
                   path, (unsigned)st->st_mode & 07777);
}

static bool read_file(const char *path, bool secret, struct buf *out, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return err_errno(err, errno, "cannot read %s", path);
    bool done = fstat(fd, &st) == 0 || err_errno(err, errno, "cannot look at %s", path);
    done = done && (!secret || check_mode(path, &st, err)) &&
           (st.st_size <= (off_t)out->max ||
            err_set(err, STATUS_USAGE, "%s is larger than %zu bytes", path, out->max)) &&
           whole_read(fd, path, out, err);
    (void)close(fd);
    return done;
}

/* The file of shared credentials: [profile], name = value. */

struct line {
    const char *name, *value;
    size_t name_len, value_len;
};

static void trim(const char **text, size_t *len)
{
    for (; *len > 0 && strchr(" \t\r", **text) != NULL; ++*text)
        --*len;
    while (*len > 0 && strchr(" \t\r", (*text)[*len - 1]) != NULL)
        --*len;
}

static bool is_called(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

static bool take_line(struct s3_credentials *ret, const char *text, size_t len, struct err *err)
{
    const char *value = memchr(text, '=', len);
    if (value == NULL)
        return true;
    size_t name_len = (size_t)(value - text), value_len = len - name_len - 1;
    value++;
    trim(&text, &name_len);
    trim(&value, &value_len);
    if (is_called("aws_access_key_id", text, name_len))
        return put(ret->id, sizeof ret->id, "aws_access_key_id", value, value_len, err);
    if (is_called("aws_secret_access_key", text, name_len))
        return put(ret->secret, sizeof ret->secret, "aws_secret_access_key", value, value_len, err);
    if (is_called("aws_session_token", text, name_len))
        return put(ret->session, sizeof ret->session, "aws_session_token", value, value_len, err);
    return true;
}

static bool read_profile(struct s3_credentials *ret, const char *text, const char *profile,
                         struct err *err)
{
    bool within = false;

    for (const char *at = text; *at != '\0';) {
        const char *line = at;
        size_t len = strcspn(at, "\n");
        at += len + (at[len] == '\n');
        trim(&line, &len);
        if (len > 2 && line[0] == '[' && line[len - 1] == ']') {
            line++;
            len -= 2;
            trim(&line, &len);
            within = is_called(profile, line, len);
        } else if (within && len > 0 && line[0] != '#' && line[0] != ';' &&
                   !take_line(ret, line, len, err)) {
            return false;
        }
    }
    return (ret->id[0] != '\0' && ret->secret[0] != '\0') ||
           err_set(err, STATUS_USAGE,
                   "it has no aws_access_key_id with an aws_secret_access_key in [%s]", profile);
}

static bool read_shared(struct s3_credentials *ret, const char *path, struct err *err)
{
    const char *profile = variable("AWS_PROFILE");
    OWNED_BUF(text, FILE_MAX);

    bool done = read_file(path, true, &text, err) &&
                (read_profile(ret, text.data, profile == NULL ? "default" : profile, err) ||
                 err_prefix(err, "%s", path));
    explicit_bzero(text.data, text.len);
    return done;
}

static bool usual_file(char path[PATH_MAX])
{
    const char *home = variable("HOME");
    return home != NULL && snprintf(path, PATH_MAX, "%s/.aws/credentials", home) < PATH_MAX &&
           access(path, F_OK) == 0;
}

bool s3_credentials_find(struct s3_credentials *ret, enum s3_identity *ret_identity,
                         struct err *err)
{
    const char *shared = variable("AWS_SHARED_CREDENTIALS_FILE");
    char path[PATH_MAX];
    bool found;

    *ret = (struct s3_credentials){0};
    *ret_identity = S3_KEYS;
    if (!read_environment(ret, &found, err))
        return false;
    if (found)
        return true;
    if (shared != NULL)
        return read_shared(ret, shared, err);
    if (variable("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL) {
        *ret_identity = S3_WEB_IDENTITY;
        return variable("AWS_ROLE_ARN") != NULL ||
               err_set(err, STATUS_USAGE,
                       "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    }
    if (usual_file(path))
        return read_shared(ret, path, err);
    return err_set(err, STATUS_USAGE,
                   "no credentials for s3://: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                   "AWS_SHARED_CREDENTIALS_FILE, or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; "
                   "what is open to all is read with --s3-anonymous");
}

bool s3_web_token_read(char ret[S3_WEB_TOKEN_MAX + 1], struct err *err)
{
    const char *path = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    OWNED_BUF(text, S3_WEB_TOKEN_MAX);

    if (!read_file(path, false, &text, err))
        return false;
    const char *token = text.data;
    size_t len = text.len;
    while (len > 0 && (token[len - 1] == '\n' || token[len - 1] == '\r'))
        len--;
    bool done =
        put(ret, S3_WEB_TOKEN_MAX + 1, "the token of AWS_WEB_IDENTITY_TOKEN_FILE", token, len, err);
    explicit_bzero(text.data, text.len);
    return done;
}
