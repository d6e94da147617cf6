/* Functions that no file of this project may call; included in front of every source. */
#ifndef DCLS_BASE_BANNED_H
#define DCLS_BASE_BANNED_H
#ifdef __GNUC__
/* The headers that declare them come first, so that only our own uses are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#pragma GCC poison sprintf vsprintf strcpy strcat strtok atoi atol atof gets
#endif
#endif
