/* Waking another thread by an eventfd. */
#ifndef DCLS_BASE_WAKE_H
#define DCLS_BASE_WAKE_H

/* A wake that is lost would be a hang: one that fails is tried again, whatever the reason. */
void wake_write(int fd);

#endif
