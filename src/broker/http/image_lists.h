/* The list of the image folder for all who ask for it: one scan at a time, which answers all that came before it
 * began. Who comes while it runs gets the next one, so that nobody is told of a folder as it was before he asked. */
#ifndef DCLS_BROKER_IMAGE_LISTS_H
#define DCLS_BROKER_IMAGE_LISTS_H

struct broker;
struct exchange;
struct image_lists;

struct image_lists *image_lists_new(struct broker *broker);
/* After every scan has ended. */
void image_lists_free(struct image_lists *lists);

/* Ends the exchange, later. */
void image_lists_answer(struct image_lists *lists, struct exchange *exchange);

#endif
