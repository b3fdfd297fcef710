#include "gvisor_installer/node/attributes.h"

#include <errno.h>
#include <limits.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "common/buf.h"

/* Both are signatures of the file's contents. */
static bool signs_contents(const char *name)
{
    return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

static bool copy_one(int from, int to, const char *name, const char *shown, struct err *err)
{
    OWNED_BUF(value, XATTR_SIZE_MAX + 1);
    OWNED_BUF(has, XATTR_SIZE_MAX + 1);

    if (!buf_reserve(&value, XATTR_SIZE_MAX) || !buf_reserve(&has, XATTR_SIZE_MAX))
        return buf_ok(&value, err) && buf_ok(&has, err);
    ssize_t len = fgetxattr(from, name, value.data, XATTR_SIZE_MAX);
    if (len < 0)
        return errno == ENODATA ||
               err_errno(err, errno, "cannot read the attribute %s of %s", name, shown);
    /* A label that the file already has from its directory need not be set; setting it may be
     * forbidden. */
    if (fgetxattr(to, name, has.data, XATTR_SIZE_MAX) == len &&
        memcmp(value.data, has.data, (size_t)len) == 0)
        return true;
    return fsetxattr(to, name, value.data, (size_t)len, 0) == 0 ||
           err_errno(err, errno, "cannot keep the attribute %s of %s", name, shown);
}

bool attributes_copy(int from, int to, const char *shown, struct err *err)
{
    OWNED_BUF(names, XATTR_LIST_MAX + 1);

    if (!buf_reserve(&names, XATTR_LIST_MAX))
        return buf_ok(&names, err);
    ssize_t len = flistxattr(from, names.data, XATTR_LIST_MAX);
    if (len < 0)
        return errno == ENOTSUP || err_errno(err, errno, "cannot list the attributes of %s", shown);
    for (const char *name = names.data; name < names.data + len; name += strlen(name) + 1)
        if (!signs_contents(name) && !copy_one(from, to, name, shown, err))
            return false;
    return true;
}
