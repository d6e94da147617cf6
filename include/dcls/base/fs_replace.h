/* Folders that are replaced and removed whole: a reader finds all of the old one or all of the new one, and so does who
 * comes after a crash between any two steps.
 *
 * Beside a folder NAME may lie, hidden from listings by their dot:
 *   .NAME.dcls-tmp-XXXXXX  what is being made, locked by who makes it; unlocked it is rubbish
 *   .NAME.dcls-old         the whole old one, while the new one is put in; rubbish once NAME is there
 *   .NAME.dcls-copy        a whole copy of NAME, which is being removed because it cannot be renamed
 *   .NAME.dcls-remove      nothing but the word that what is left of NAME is to go
 * fs_replace_recover brings that to an end. Whoever changes one of the folders of `parent` locks `parent` for as long,
 * where the file system has locks of folders; where it has none only one process may. */
#ifndef DCLS_BASE_FS_REPLACE_H
#define DCLS_BASE_FS_REPLACE_H

#include <stdbool.h>

#include "dcls/base/err.h"

struct fs_replacement {
    char *parent, *name;
    char *dir; /* where the new files go, each flushed, until it is committed; NULL: nothing is left to remove */
    int lock;
};
/* Makes `parent` where it is missing. It is to be released also where this fails. */
int fs_replace_init(struct fs_replacement *replacement, const char *parent, const char *name, struct err *err);
/* Puts the new folder in place, durably. An error: the old one is there as before. Where all but the last flush worked
 * this is no error: the new one is there, and `doubt` says that a power cut may bring the old one back. */
int fs_replace_commit(struct fs_replacement *replacement, struct err *doubt, struct err *err);
/* Removes what was not committed. */
void fs_replace_release(struct fs_replacement *replacement);

/* Removes the folder NAME in one step, durably; a missing one is fine. What cannot be deleted of a folder that was
 * renamed for that is rubbish, told in the log. An error: the folder is there as before; or, where it cannot be
 * renamed, what is left of it is, and fs_replace_is_on says so. */
int fs_replace_remove(const char *parent, const char *name, struct err *err);

/* Ends what a process that died had begun with NAME, or with every folder (NULL). What others are at is left alone. */
int fs_replace_recover(const char *parent, const char *name, struct err *err);
/* Whether a reader may find NAME missing or in parts for the moment: then it is to look again. */
bool fs_replace_is_on(const char *parent, const char *name);

#endif
