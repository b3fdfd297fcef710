/* For clang's analyzer, which cannot see in another file that these always return false. */
#include "common/err.h"

#define err_set(...)    (err_set(__VA_ARGS__), false)
#define err_prefix(...) (err_prefix(__VA_ARGS__), false)
#define err_errno(...)  (err_errno(__VA_ARGS__), false)
