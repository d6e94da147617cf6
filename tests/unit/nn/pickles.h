/* Pickles by hand, in pieces: a dictionary of one tensor 'w'. */
#ifndef TESTS_PICKLES_H
#define TESTS_PICKLES_H

#define PICKLE(text) text, sizeof(text) - 1
#define HEAD "\x80\2ccollections\nOrderedDict\n)R("
#define NAMED "X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n"
#define STORED                                                                                                         \
    "X\1\0\0\0"                                                                                                        \
    "0X\3\0\0\0cpuK\x0ctQ" /* 12 numbers */
#define BOMB_STORED                                                                                                    \
    "X\1\0\0\0"                                                                                                        \
    "0X\3\0\0\0cpuJ\0\0\x20\0tQ" /* 2097152 numbers */
#define TAIL "\x89}tRu."

#endif
