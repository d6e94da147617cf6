/* See exposition.h. */
#include "exposition.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

/* As the format has it: integers whole, others by the fewest digits that read back the same. */
static int put_number(struct buf *out, double value)
{
    char text[32];
    if (isnan(value))
        return buf_puts(out, "NaN");
    if (isinf(value))
        return buf_puts(out, value > 0 ? "+Inf" : "-Inf");
    if (value == floor(value) && fabs(value) < 1e15)
        return buf_printf(out, "%.0f", value);
    for (int digits = 15; digits <= 17; digits++) {
        double back;
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (sscanf(text, "%lf", &back) == 1 && back == value)
            break;
    }
    return buf_puts(out, text);
}

static int put_escaped(struct buf *out, const char *text, bool quotes)
{
    for (const char *c = text; *c; c++) {
        int failed = *c == '\\'            ? buf_puts(out, "\\\\")
                     : *c == '\n'          ? buf_puts(out, "\\n")
                     : *c == '"' && quotes ? buf_puts(out, "\\\"")
                                           : buf_append(out, c, 1);
        if (failed)
            return -1;
    }
    return 0;
}

int exposition_family(struct buf *out, const char *name, const char *type, const char *help)
{
    bool failed = buf_printf(out, "# HELP %s ", name) || put_escaped(out, help, false) ||
                  buf_printf(out, "\n# TYPE %s %s\n", name, type);
    return failed ? -1 : 0;
}

int exposition_sample(struct buf *out, const char *name, const struct label *labels, double value)
{
    bool failed = buf_puts(out, name);
    for (const struct label *label = labels; label && label->name && !failed; label++)
        failed = buf_printf(out, "%s%s=\"", label == labels ? "{" : ",", label->name) ||
                 put_escaped(out, label->value, true) || buf_puts(out, label[1].name ? "\"" : "\"}");
    failed = failed || buf_puts(out, " ") || put_number(out, value) || buf_puts(out, "\n");
    return failed ? -1 : 0;
}

int exposition_value(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    if (exposition_family(out, name, type, help))
        return -1;
    return exposition_sample(out, name, NULL, value);
}

void histogram_observe(struct histogram *histogram, double value)
{
    size_t at = 0;
    if (!(value >= 0) || isinf(value))
        return;
    while (at < histogram->bound_count && value > histogram->bounds[at])
        at++;
    histogram->counts[at]++;
    histogram->count++;
    histogram->sum += value;
}

static int put_bucket(struct buf *out, const char *name, const char *bound, uint64_t count)
{
    const struct label labels[] = { { "le", bound }, { NULL, NULL } };
    return exposition_sample(out, name, labels, (double)count);
}

int exposition_histogram(struct buf *out, const char *name, const char *help, const struct histogram *histogram)
{
    char part[128], bound[32];
    uint64_t count = 0;
    assert(histogram->bound_count <= HISTOGRAM_BOUNDS_MAX);
    bool failed = exposition_family(out, name, "histogram", help);
    snprintf(part, sizeof part, "%s_bucket", name);
    for (size_t i = 0; i < histogram->bound_count && !failed; i++) {
        count += histogram->counts[i];
        snprintf(bound, sizeof bound, "%g", histogram->bounds[i]);
        failed = put_bucket(out, part, bound, count);
    }
    failed = failed || put_bucket(out, part, "+Inf", histogram->count);
    snprintf(part, sizeof part, "%s_sum", name);
    failed = failed || exposition_sample(out, part, NULL, histogram->sum);
    snprintf(part, sizeof part, "%s_count", name);
    failed = failed || exposition_sample(out, part, NULL, (double)histogram->count);
    return failed ? -1 : 0;
}
