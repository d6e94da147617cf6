/* How wide a thumbnail may be asked for, in pixels: of who asks and of who makes it. */
#ifndef DCLS_BASE_THUMBNAIL_WIDTH_H
#define DCLS_BASE_THUMBNAIL_WIDTH_H

#define THUMBNAIL_WIDTH_MIN 16
#define THUMBNAIL_WIDTH_MAX 1024

#endif
