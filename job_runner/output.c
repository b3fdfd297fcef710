#include "job_runner/output.h"

#include "common/run_record.h"

enum {
    LINE_COST = 41,       /* "2026-01-31T12:00:00.123456789Z stdout F " and a line end */
    PART_BYTES = 16384,   /* of longer lines containerd makes several */
    NODE_KEEPS = 9961472, /* 9.5 MiB: below the kubelet's 10, with room for the record */
};

size_t output_pass(struct output *output, char *bytes, size_t len)
{
    size_t at = 0;

    for (; at < len; at++) {
        if (output->bytes == output->max || output->bytes + output->lines * LINE_COST >= NODE_KEEPS)
            return at;
        if (bytes[at] == RUN_RECORD_MARK)
            bytes[at] = RUN_RECORD_SHOWN;
        output->last = bytes[at];
        output->bytes++;
        if (bytes[at] == '\n' || ++output->in_line == PART_BYTES) {
            output->lines++;
            output->in_line = 0;
        }
    }
    return at;
}

bool output_is_within_line(const struct output *output)
{
    return output->bytes > 0 && output->last != '\n';
}
