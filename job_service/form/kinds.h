/*
 * Kinds of jobs and the parameters that a client may set, as the operator lists them. Pure.
 *
 * {"pipeline": {"template": "pipeline", "result": "total",
 *               "parameters": {"events": {"pattern": "[0-9]{1,9}", "default": "1500"}}},
 *  "dockerfile": {"file": true, "bases": ["debian:12"]}}
 *
 * template is the WorkflowTemplate that runs it, by default of the kind's name; result the output
 * parameter of the Workflow that is the job's number. Without it the run's own record tells that.
 */
#ifndef JOB_SERVICE_FORM_KINDS_H
#define JOB_SERVICE_FORM_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "job_service/form/dockerfile.h"

enum {
    KINDS_MAX = 32,
    KIND_PARAMETERS_MAX = 64,
    KIND_VALUE_MAX = 1024, /* bytes */
    /* Of what kind_parameters() adds: names of 63 bytes, values of escapes only. */
    KIND_TEXT_MAX = KIND_PARAMETERS_MAX * (6 * KIND_VALUE_MAX + 72) + 2,
};

struct kinds;

/* text NULL: the built-in pipeline and dockerfile. USAGE where it is not of that form. */
bool kinds_read(const char *text, size_t len, struct kinds **ret, struct err *err);
void kinds_free(struct kinds *kinds); /* accepts NULL */

struct kind; /* within kinds */

const struct kind *kinds_find(const struct kinds *kinds, const char *name); /* NULL: none */
const char *kind_name(const struct kind *kind);
const char *kind_template(const struct kind *kind);
const char *kind_result(const struct kind *kind); /* NULL: the record of its run tells the number */
bool kind_takes_file(const struct kind *kind);
const struct dockerfile_rules *kind_bases(const struct kind *kind);

/*
 * Adds the parameters as a JSON object with sorted names, each by its pattern, defaults for what is
 * missing. wanted is a JSON object or NULL. INPUT names the parameter.
 */
struct cJSON;
bool kind_parameters(const struct kind *kind, const struct cJSON *wanted, struct buf *out,
                     struct err *err);

#endif
