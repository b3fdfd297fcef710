/* The end of a container's stdout: what is taken for a record is one when it is written again. */
#include <math.h>
#include <string.h>

#include "common/run_record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run_record record, again;
    struct err err = {0};
    size_t start, at;
    OWNED_BUF(text, RUN_RECORD_MAX);

    if (!run_record_read((const char *)data, size, &record, &start))
        return 0;
    HOLDS(start < size && size - start <= RUN_RECORD_MAX && data[start] == RUN_RECORD_MARK);
    HOLDS(start == 0 || data[start - 1] == '\n');
    HOLDS(isfinite(record.perf) && strlen(record.why) <= RUN_WHY_MAX);
    HOLDS(run_record_write(&record, &text, &err));
    HOLDS(run_record_read(text.data, text.len, &again, &at) && at == 0);
    HOLDS(again.cause == record.cause && again.status == record.status &&
          again.bytes == record.bytes && again.perf == record.perf);
    return 0;
}
