/* Warm-up grows linearly: 1/(W+1), 2/(W+1), … of the full rate. Behind it, over the R epochs that remain: "cosine"
 * falls along half a cosine towards 0 (Loshchilov and Hutter 2016, without restarts; torch's CosineAnnealingLR of T_max
 * R); "step" is a tenth, then a hundredth, after each third (torch's StepLR of gamma 0.1 and step R/3, rounded up). */
#include "schedule.h"

#include <math.h>
#include <string.h>

int schedule_check(const struct schedule *schedule, struct err *err)
{
    if (strcmp(schedule->kind, "none") && strcmp(schedule->kind, "cosine") && strcmp(schedule->kind, "step"))
        return err_set(err, "unknown scheduler '%s'", schedule->kind);
    if (schedule->warmup < 0 || (schedule->warmup > 0 && schedule->warmup >= schedule->epochs))
        return err_set(err, "a warm-up of %d epochs leaves none of %d to train in", schedule->warmup, schedule->epochs);
    return 0;
}

double schedule_factor(const struct schedule *schedule, int epoch)
{
    if (epoch <= schedule->warmup)
        return (double)epoch / (schedule->warmup + 1);
    int past = epoch - schedule->warmup - 1, remain = schedule->epochs - schedule->warmup;
    if (!strcmp(schedule->kind, "cosine"))
        return (1 + cos(M_PI * past / remain)) / 2;
    if (!strcmp(schedule->kind, "step"))
        return pow(0.1, past / ((remain + 2) / 3));
    return 1;
}
