/* Which blobs are needed. */
#include "blob_refs.h"

#include <string.h>

#include "dcls/base/sha256.h"
#include "src/broker/broker.h"
#include "src/broker/job_table.h"

int blob_refs_in_use(const struct broker *broker, struct strings *in_use)
{
    int failed = 0;
    for (const struct job *job = jobs_first_live(broker->jobs); job && !failed; job = job_next_live(job)) {
        const char *sha256 = blob_refs_of_weights(job->live->options.weights);
        if (sha256)
            failed = strings_add(in_use, sha256);
    }
    return failed;
}

const char *blob_refs_of_weights(const char *weights)
{
    static const char scheme[] = "sha256:";
    const char *digest = weights + sizeof scheme - 1;
    return !strncmp(weights, scheme, sizeof scheme - 1) && sha256_is_hex(digest) ? digest : NULL;
}
