/* The file of what a model answered on each of the test images, MODEL_answers.json beside its report: a training writes
 * it, the node finds it by its name, and the helper reads it.
 *
 *     {"model": "cows", "split": "test", "fingerprint": HEX, "classes": ["cow", ...], "count": 2, "left_out": 0,
 *      "answers": [
 *     [0,0,[0,2,1],[0.93,0.05,0.02],"test/cow/1.jpg"],
 *     [1,0,[1,0,2],[0.6,0.3,0.1],"test/cow/2.jpg"]]}
 *
 * A row is index, label, the classes by falling probability, those, and where the dataset is a folder the path below
 * it. `split` and index say where the dataset's own folder has the image: among the training images where the test
 * images were held out of those. Whoever finds another fingerprint (nn/data/dataset.h) finds other images there. */
#ifndef DCLS_BASE_ANSWERS_FILE_H
#define DCLS_BASE_ANSWERS_FILE_H

#define ANSWERS_FILE "_answers.json" /* behind the model's name */
#define ANSWERS_FILE_MAX (64 * 1024 * 1024)
/* Rows. Of more images the right answers that are the least sure are left out, then the wrong ones. */
#define ANSWERS_MAX 100000

enum answers_column { ANSWERS_INDEX, ANSWERS_LABEL, ANSWERS_CLASSES, ANSWERS_PROBABILITIES, ANSWERS_PATH };

#endif
