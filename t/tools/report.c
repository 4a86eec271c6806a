#include "report.h"

#include <stdlib.h>
#include <time.h>

static uint64_t now_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void) { return now_ns(CLOCK_MONOTONIC); }

uint64_t wall_ms(void) { return now_ns(CLOCK_REALTIME) / 1000000u; }

double ms_since(uint64_t start) { return (double)(clock_ns() - start) / 1e6; }

void json_string(FILE *f, const char *text, size_t len) {
    fputc('"', f);
    for (size_t i = 0; i < len; i++) {
        unsigned char ch = (unsigned char)text[i];
        if (ch == '"' || ch == '\\')
            fprintf(f, "\\%c", ch);
        else if (ch < 0x20)
            fprintf(f, "\\u%04x", ch);
        else
            fputc(ch < 0x7f ? ch : '?', f);
    }
    fputc('"', f);
}

void samples_add(Samples *s, double value) {
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 1024;
        double *grown = realloc(s->values, cap * sizeof(*grown));
        if (!grown)
            return;
        s->values = grown;
        s->cap = cap;
    }
    s->values[s->count++] = value;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const Samples *s, double share) {
    size_t at = (size_t)(share * (double)(s->count - 1) + 0.5);
    return s->values[at];
}

void samples_json(FILE *f, Samples *s) {
    double sum = 0;
    if (s->count == 0) {
        fprintf(f, "null");
        return;
    }
    qsort(s->values, s->count, sizeof(*s->values), compare);
    for (size_t i = 0; i < s->count; i++)
        sum += s->values[i];
    fprintf(f,
            "{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f,"
            "\"mean\":%.3f}",
            percentile(s, .5), percentile(s, .9), percentile(s, .99),
            s->values[s->count - 1], sum / (double)s->count);
}

void samples_free(Samples *s) { free(s->values); }
