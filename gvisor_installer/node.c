#include "gvisor_installer/node.h"

#include <stdlib.h>

bool node_open(const struct install_options *options, struct node **ret, struct err *err)
{
    *ret = NULL;
    return options->node == NULL || err_set(err, STATUS_USAGE, "no Kubernetes yet");
}
void node_close(struct node *node)
{
    (void)node;
}
bool node_check(struct node *node, struct err *err)
{
    (void)err;
    return node == NULL;
}
bool node_label(struct node *node, const char *value, struct err *err)
{
    (void)err;
    (void)value;
    return node == NULL;
}
void node_event(struct node *node, bool warning, const char *reason, const char *message)
{
    (void)node;
    (void)warning;
    (void)reason;
    (void)message;
}
bool node_await_runtimes(struct node *node, bool listed, struct err *err)
{
    (void)listed;
    (void)err;
    return node == NULL;
}
bool node_smoke(struct node *node, const char *runtime_class, struct err *err)
{
    (void)runtime_class;
    (void)err;
    return node == NULL;
}
