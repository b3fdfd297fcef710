/* JUnit XML for CI servers: a test case for the experiment and for each expectation. Pure. */
#include <stdio.h>

#include "gvisor_probe/render/escape.h"
#include "gvisor_probe/render/render.h"

static void add_case(struct buf *out, const char *name, const char *message)
{
    buf_add_text(out, "    <testcase classname=\"gvisor_probe\" name=\"");
    add_xml(out, name);
    if (message != NULL) {
        buf_add_text(out, "\">\n      <failure message=\"");
        add_xml(out, message);
    }
    buf_add_text(out, message == NULL ? "\"/>\n" : "\"/>\n    </testcase>\n");
}

static void add_expectation(struct buf *out, const struct expectation *expectation)
{
    char message[RENDER_TEXT];

    (void)snprintf(message, sizeof message, "expected %s, found %s", expectation->expected,
                   expectation->found == NULL ? "nothing of that name" : expectation->found);
    add_case(out, expectation->id, expectation->met ? NULL : message);
}

void render_junit(const struct rendering *rendering, struct buf *out)
{
    const struct comparison *comparison = rendering->comparison;
    size_t failures = comparison->valid ? 0 : 1;
    char line[RENDER_TEXT];

    for (size_t i = 0; i < rendering->expectation_count; i++)
        failures += rendering->expectations[i].met ? 0 : 1;
    size_t tests = rendering->expectation_count + 1;
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<testsuites tests=\"%zu\" failures=\"%zu\">\n"
               "  <testsuite name=\"gvisor_probe compare\" tests=\"%zu\" failures=\"%zu\">\n",
               tests, failures, tests, failures);
    add_case(out, "the cells are one experiment",
             comparison->valid ? NULL : verdict_line(comparison, line));
    for (size_t i = 0; i < rendering->expectation_count; i++)
        add_expectation(out, &rendering->expectations[i]);
    buf_add_text(out, "    <system-out>");
    add_xml(out, verdict_line(comparison, line));
    buf_add_text(out, "</system-out>\n  </testsuite>\n</testsuites>\n");
}
