/* The expected pixels of a test: a binary PPM of 8 bits, as Pillow writes it. For tests alone: it fails the test. */
#ifndef TESTS_PPM_H
#define TESTS_PPM_H

#include <stdio.h>
#include <stdlib.h>

struct ppm {
    int width, height;
    uint8_t *rgb; /* (height, width, 3) */
};

static inline void ppm_read(struct ppm *ppm, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open '%s'", path);
    if (fscanf(file, "P6 %d %d 255", &ppm->width, &ppm->height) != 2 || fgetc(file) != '\n')
        fail_msg("'%s' is no PPM", path);
    size_t count = (size_t)ppm->width * ppm->height * 3;
    ppm->rgb = malloc(count);
    assert_non_null(ppm->rgb);
    if (fread(ppm->rgb, 1, count, file) != count)
        fail_msg("'%s' ends early", path);
    fclose(file);
}

static inline void ppm_release(struct ppm *ppm)
{
    free(ppm->rgb);
}

#endif
