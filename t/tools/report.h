/* What the tools print: JSON lines on stdout. */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

uint64_t clock_ns(void);         /* monotonic */
uint64_t wall_ms(void);          /* since 1970 */
double ms_since(uint64_t start); /* start from clock_ns() */

/* "text" with JSON escapes; what is not UTF-8 safe becomes ? */
void json_string(FILE *f, const char *text, size_t len);

typedef struct {
    double *values;
    size_t count;
    size_t cap;
} Samples;

void samples_add(Samples *s, double value);
/* {"p50":..,"p90":..,"p99":..,"max":..,"mean":..}; sorts the samples */
void samples_json(FILE *f, Samples *s);
void samples_free(Samples *s);

#endif
