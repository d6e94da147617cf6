#ifndef DCLS_VERSION_H
#define DCLS_VERSION_H

#define DCLS_VERSION "0.1.0"

#endif
