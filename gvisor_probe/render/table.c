/* A table for terminals, at most TABLE_COLUMNS wide and coloured on request. Pure. */
#include <stdio.h>
#include <string.h>

#include "common/table.h"
#include "gvisor_probe/render/render.h"

enum {
    ID_WIDTH = 26,
    TITLE_WIDTH = 37,
    COLUMN_MAX = 18,
    CUT = 128,
    TOGETHER_MIN = 3,
    VALUE_WIDTH = 60,
    PLACE_WIDTH = 30,
    TOGETHER_MAX = 50
};

#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

struct page {
    const struct rendering *rendering;
    const struct comparison *comparison;
    struct buf *out;
};

static const char *colour(const struct page *page, const char *code)
{
    return page->rendering->colour ? code : "";
}

static const char *colour_of(const char *word)
{
    static const char *const reds[] = {"landed", "reached", "forged", "beyond"};
    static const char *const greens[] = {"contained", "refused", "within"};
    static const char *const yellows[] = {"unknown", "noisy", "conflicting"};

    for (size_t i = 0; i < sizeof reds / sizeof *reds; i++)
        if (strcmp(word, reds[i]) == 0)
            return RED;
    for (size_t i = 0; i < sizeof greens / sizeof *greens; i++)
        if (strcmp(word, greens[i]) == 0)
            return GREEN;
    for (size_t i = 0; i < sizeof yellows / sizeof *yellows; i++)
        if (strcmp(word, yellows[i]) == 0)
            return YELLOW;
    return "";
}

/* A text from a report, made safe for a terminal and cut to width bytes. */
static const char *shown(const char *text, size_t width, char out[CUT])
{
    char quoted[RENDER_TEXT];

    err_quote(quoted, sizeof quoted, text, strlen(text));
    size_t len = strlen(quoted);
    if (len > width) {
        len = width - 1;
        while (len > 0 && ((unsigned char)quoted[len] & 0xc0) == 0x80)
            len--; /* do not cut a character */
        quoted[len++] = '+';
        quoted[len] = '\0';
    }
    memcpy(out, quoted, len + 1);
    return out;
}

/* A column as wide as first, then one for each cell. */
static struct table table_of(const struct page *page, int indent, int first)
{
    const size_t cells = page->comparison->experiment.cell_count;
    const int width = (TABLE_COLUMNS - indent - first) / (int)cells - 1;
    struct table table = {
        .indent = indent, .gap = 1, .trimmed = true, .count = 1 + cells, .width[0] = first};

    for (size_t i = 1; i <= cells; i++)
        table.width[i] = width > COLUMN_MAX ? COLUMN_MAX : width;
    return table;
}

/* tint: NULL, or what a word is coloured with. */
static void put_row(struct page *page, const struct table *table, const char *title,
                    const char *const words[CELLS_MAX], const char *tint(const char *word))
{
    char cut[1 + CELLS_MAX][CUT];
    const char *cells[1 + CELLS_MAX] = {shown(title, (size_t)table->width[0], cut[0])};
    const char *colours[1 + CELLS_MAX] = {NULL};

    for (size_t i = 1; i < table->count; i++) {
        cells[i] = shown(words[i - 1], (size_t)table->width[i], cut[i]);
        colours[i] = tint == NULL ? NULL : colour(page, tint(words[i - 1]));
    }
    table_row(page->out, table, cells, colours);
}

static void put_cells(struct page *page)
{
    const struct comparison *comparison = page->comparison;

    for (size_t i = 0; i < comparison->experiment.cell_count; i++) {
        const struct cell *cell = &comparison->experiment.cells[i];
        char name[CUT], runtime[CUT], seccomp[CUT];
        buf_printf(page->out, "  %s%c%s %-26s runtime %s, seccomp %s; %s\n", colour(page, BOLD),
                   cell_letter(i), colour(page, PLAIN), shown(cell->name, 26, name),
                   shown(cell->runtime == NULL ? "not declared" : cell->runtime, 16, runtime),
                   shown(cell->seccomp_declared == NULL ? "not declared" : cell->seccomp_declared,
                         16, seccomp),
                   role_name(comparison->verdicts[i].role));
    }
}

/* On one line, or on three if that is too long. */
static void put_confounder(struct page *page, const struct confounder *confounder)
{
    char line[RENDER_TEXT], value[CUT], place[CUT];

    if (strlen(confounder_line(confounder, line)) <= TABLE_COLUMNS - 2) {
        buf_printf(page->out, "  %s\n", line);
        return;
    }
    buf_printf(page->out, "  %s\n", confounder->what);
    buf_printf(page->out, "    %s (%s)\n", shown(confounder->a, VALUE_WIDTH, value),
               shown(confounder->where_a, PLACE_WIDTH, place));
    buf_printf(page->out, "    %s (%s)\n", shown(confounder->b, VALUE_WIDTH, value),
               shown(confounder->where_b, PLACE_WIDTH, place));
}

static void put_confounders(struct page *page)
{
    const struct comparison *comparison = page->comparison;

    if (comparison->valid) {
        buf_printf(
            page->out,
            "\n%sValid%s: path, modes, identity, program and declared settings are equal%s.\n",
            colour(page, GREEN), colour(page, PLAIN),
            comparison->experiment.witness->json == NULL ? "; no witness" : "; the witness agrees");
        for (size_t i = 0; i < comparison->confounders.undeclared_count; i++)
            buf_printf(page->out, "%s%s%s",
                       i == 0 ? "Not checked, because no cell declares it: " : ", ",
                       comparison->confounders.undeclared[i],
                       i + 1 == comparison->confounders.undeclared_count ? ".\n" : "");
        return;
    }
    buf_printf(page->out, "\nThese differ, so nothing is credited to the runtime.\n");
    for (size_t i = 0; i < comparison->confounders.count && i < CONFOUNDERS_MAX; i++)
        put_confounder(page, &comparison->confounders.items[i]);
    if (comparison->confounders.count > CONFOUNDERS_MAX)
        buf_printf(page->out, "  ... and %zu more\n",
                   comparison->confounders.count - CONFOUNDERS_MAX);
}

static const char *bold(const char *word)
{
    (void)word;
    return BOLD;
}

static void put_letters(struct page *page, const struct table *table)
{
    char letters[CELLS_MAX][2];
    const char *words[CELLS_MAX];

    for (size_t i = 0; i < page->comparison->experiment.cell_count; i++) {
        letters[i][0] = cell_letter(i);
        letters[i][1] = '\0';
        words[i] = letters[i];
    }
    put_row(page, table, "", words, bold);
}

static void put_verdicts(struct page *page)
{
    const struct table table = table_of(page, 2, TITLE_WIDTH);
    const char *words[CELLS_MAX];

    buf_printf(page->out, "\n");
    put_letters(page, &table);
    for (const struct verdict_row *row = verdict_rows; row->name != NULL; row++) {
        for (size_t i = 0; i < page->comparison->experiment.cell_count; i++)
            words[i] = verdict_text(page->comparison, i, row->name);
        put_row(page, &table, row->title, words, colour_of);
    }
}

static bool stands_in_a_verdict(const struct comparison *comparison, const char *word)
{
    for (const struct verdict_row *row = verdict_rows; row->name != NULL; row++)
        for (size_t i = 0; i < comparison->experiment.cell_count; i++)
            if (strcmp(verdict_text(comparison, i, row->name), word) == 0)
                return true;
    return false;
}

/* Explains those words of the verdicts that occur. */
static void put_meanings(struct page *page)
{
    static const struct {
        const char *word, *meaning;
    } words[] = {
        {"landed", "made inside, and the host has it"},
        {"contained", "made inside, and the host has nothing of it"},
        {"denied", "refused inside; the host has nothing of it"},
        {"forged", "the host has something else of that name"},
        {"reached", "the host's end of it heard from the cell"},
        {"refused", "the host's end of it heard nothing"},
        {"unknown", "nobody could say"},
    };
    bool first = true;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!stands_in_a_verdict(page->comparison, words[i].word))
            continue;
        buf_printf(page->out, "%s  %s%-9s%s  %s\n", first ? "\n" : "",
                   colour(page, colour_of(words[i].word)), words[i].word, colour(page, PLAIN),
                   words[i].meaning);
        first = false;
    }
}

/* The text of a cell's column; "" if the finding is not about that cell. */
static const char *column_text(const struct page *page, const struct comparison_finding *finding,
                               size_t cell)
{
    const struct comparison *comparison = page->comparison;
    bool about = cell == 0 || (int)cell == comparison->experiment.control ||
                 (finding->subjects >> cell & 1) != 0;

    return about ? outcome_text(&finding->outcomes[cell], differs_by_value(finding, comparison))
                 : "";
}

static bool same_row(const struct page *page, const struct comparison_finding *a,
                     const struct comparison_finding *b)
{
    if (a->attribution != b->attribution || strcmp(a->why, b->why) != 0)
        return false;
    for (size_t i = 0; i < page->comparison->experiment.cell_count; i++)
        if (strcmp(column_text(page, a, i), column_text(page, b, i)) != 0)
            return false;
    return true;
}

static void put_finding(struct page *page, const char *title,
                        const struct comparison_finding *finding)
{
    const struct table table = table_of(page, 4, ID_WIDTH);
    const char *words[CELLS_MAX];

    for (size_t i = 0; i < page->comparison->experiment.cell_count; i++)
        words[i] = column_text(page, finding, i);
    put_row(page, &table, title, words, finding->kind == NULL ? NULL : colour_of);
}

/* The ids of all findings with the same row as the first one, wrapped. */
static void put_names(struct page *page, const struct comparison_finding *first)
{
    const struct comparison_finding *end =
        page->comparison->findings.items + page->comparison->findings.count;
    size_t column = TABLE_COLUMNS;

    for (const struct comparison_finding *at = first; at < end; at++) {
        if (!same_row(page, first, at))
            continue;
        if (column + 1 + strlen(at->id) > TABLE_COLUMNS) {
            buf_printf(page->out, "%s     ", at == first ? "" : "\n");
            column = strlen("     ");
        }
        buf_printf(page->out, " %s", at->id);
        column += 1 + strlen(at->id);
    }
    buf_printf(page->out, "\n");
}

/* Findings with equal rows share one row if they are TOGETHER_MIN or more. */
static void put_rows(struct page *page, const struct comparison_finding *first)
{
    const struct comparison *comparison = page->comparison;
    size_t count = 0;

    for (size_t i = 0; i < comparison->findings.count; i++)
        count += same_row(page, first, &comparison->findings.items[i]);
    if (count >= TOGETHER_MIN) {
        char title[CUT];
        (void)snprintf(title, sizeof title, "%zu probes:", count);
        put_finding(page, title, first);
        put_names(page, first);
        return;
    }
    for (size_t i = 0; i < comparison->findings.count; i++)
        if (same_row(page, first, &comparison->findings.items[i]))
            put_finding(page, comparison->findings.items[i].id, &comparison->findings.items[i]);
}

/* A reason, and below it each different row once. */
static void put_reason(struct page *page, const struct comparison_finding *reason)
{
    const struct comparison *comparison = page->comparison;

    buf_printf(page->out, "  %s\n", reason->why);
    for (size_t i = 0; i < comparison->findings.count; i++) {
        const struct comparison_finding *finding = &comparison->findings.items[i];
        bool told =
            finding->attribution != reason->attribution || strcmp(finding->why, reason->why) != 0;
        for (size_t k = 0; k < i && !told; k++)
            told = same_row(page, &comparison->findings.items[k], finding);
        if (!told)
            put_rows(page, finding);
    }
}

static void put_list(struct page *page, enum attribution attribution)
{
    const struct comparison *comparison = page->comparison;
    const struct table table = table_of(page, 4, ID_WIDTH);
    size_t count = count_findings(comparison, attribution);

    if (count == 0)
        return;
    buf_printf(page->out, "\n%s%s%s (%zu)\n", colour(page, BOLD), attribution_titles[attribution],
               colour(page, PLAIN), count);
    put_letters(page, &table);
    for (size_t i = 0; i < comparison->findings.count; i++) {
        const struct comparison_finding *first = &comparison->findings.items[i];
        bool said = first->attribution != attribution;
        for (size_t k = 0; k < i && !said; k++)
            said = comparison->findings.items[k].attribution == attribution &&
                   strcmp(comparison->findings.items[k].why, first->why) == 0;
        if (!said)
            put_reason(page, first);
    }
}

static void put_overhead(struct page *page, const struct overhead *overhead)
{
    static const struct table table = {.indent = 4,
                                       .gap = 1,
                                       .trimmed = true,
                                       .count = 9,
                                       .width = {ID_WIDTH - 8, 1, 8, -8, 2, 8, -8, 7}};
    const char *verdict = overhead_verdict_name(overhead->verdict);
    const char letter[] = {cell_letter(overhead->cell), '\0'};
    char a[RENDER_TEXT], b[RENDER_TEXT], id[CUT], work[RENDER_TEXT], percent[CUT] = "";
    char rest[RENDER_TEXT + CUT] = "";

    if (overhead->verdict == OVERHEAD_WITHIN || overhead->verdict == OVERHEAD_BEYOND)
        (void)snprintf(percent, sizeof percent, "%+.0f%%", overhead->percent);
    if (overhead->verdict == OVERHEAD_BEYOND)
        (void)snprintf(rest, sizeof rest, "20%% with %s between calls",
                       duration_text(overhead->break_even_ns, work));
    const char *const cells[] = {shown(overhead->id, ID_WIDTH - 8, id),
                                 letter,
                                 work_name(overhead->work),
                                 duration_text(overhead->baseline_ns, a),
                                 "->",
                                 duration_text(overhead->cell_ns, b),
                                 percent,
                                 verdict,
                                 rest};
    const char *const colours[9] = {[7] = colour(page, colour_of(verdict))};
    table_row(page->out, &table, cells, colours);
}

/* One verdict for each kind of work, because a program is as slow as what it does most. */
static void put_costs(struct page *page)
{
    const struct comparison *comparison = page->comparison;

    if (comparison->overheads.count == 0)
        return;
    buf_printf(page->out,
               "\n%sWhat it costs%s: (s-n)/n of medians; nothing is concluded from noise\n",
               colour(page, BOLD), colour(page, PLAIN));
    for (size_t i = 0; i < comparison->overheads.count; i++)
        put_overhead(page, &comparison->overheads.items[i]);
    buf_printf(page->out, "  At most %d%% slower?", SLOWDOWN_LIMIT_PERCENT);
    for (size_t i = 1; i < comparison->experiment.cell_count; i++) {
        if (comparison->experiment.cells[i].costs == NULL)
            continue;
        buf_printf(page->out, "  %c:", cell_letter(i));
        for (enum work work = 0; work < WORK_OTHER; work++) {
            const char *verdict =
                overhead_verdict_name(overheads_worst(&comparison->overheads, i, work));
            const char *code = colour(page, colour_of(verdict));
            buf_printf(page->out, "%s %s %s%s%s", work == 0 ? "" : ",", work_name(work), code,
                       verdict, code[0] == '\0' ? "" : PLAIN);
        }
    }
    buf_printf(page->out, "\n");
}

static void put_expectations(struct page *page)
{
    const struct rendering *rendering = page->rendering;

    if (rendering->expectation_count == 0)
        return;
    buf_printf(page->out, "\n%sExpectations%s\n", colour(page, BOLD), colour(page, PLAIN));
    for (size_t i = 0; i < rendering->expectation_count; i++) {
        const struct expectation *expectation = &rendering->expectations[i];
        const char *found = expectation->found == NULL ? "no such fact" : expectation->found;
        char id[CUT], expected[CUT];
        buf_printf(page->out, "  %s%s%s %s:", colour(page, expectation->met ? GREEN : RED),
                   expectation->met ? "met    " : "NOT MET", colour(page, PLAIN),
                   shown(expectation->id, VALUE_WIDTH, id));
        shown(expectation->expected, VALUE_WIDTH, expected);
        bool fits = strlen(id) + strlen(expected) < TOGETHER_MAX;
        buf_printf(page->out, "%s expected %s, found %s\n", fits ? "" : "\n         ", expected,
                   found);
    }
}

static void put_head(struct page *page)
{
    const struct comparison *comparison = page->comparison;
    char line[RENDER_TEXT];

    buf_printf(page->out, "%s%s%s\n", colour(page, comparison->valid ? BOLD : RED),
               comparison->valid ? verdict_line(comparison, line) : "invalid experiment",
               colour(page, PLAIN));
    put_cells(page);
    put_confounders(page);
    put_verdicts(page);
    put_meanings(page);
}

void render_summary(const struct rendering *rendering, struct buf *out)
{
    struct page page = {rendering, rendering->comparison, out};

    put_head(&page);
}

void render_table(const struct rendering *rendering, struct buf *out)
{
    struct page page = {rendering, rendering->comparison, out};

    put_head(&page);
    for (enum attribution list = 0; list < ATTRIBUTIONS; list++)
        put_list(&page, list);
    put_costs(&page);
    put_expectations(&page);
}
