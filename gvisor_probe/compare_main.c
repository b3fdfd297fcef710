#include "gvisor_probe/commands.h"

bool compare_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    (void)birth;
    (void)argc;
    return err_set(err, STATUS_USAGE, "'%s' does nothing yet", argv[0]);
}
