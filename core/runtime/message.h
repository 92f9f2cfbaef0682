/* message - what one process of a start says to another through a socket pair: a fixed struct, and
 * at most one fd. fd_child sends them. */
#ifndef RCTR_MESSAGE_H
#define RCTR_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

/* Wait for the next one: its size, 0 at the end, or -1 with errno set as recvmsg does (but not
 * EINTR). *ret_fd is the fd that came with it, new and close-on-exec, or -1. */
ssize_t message_receive(int sock, void *to, size_t size, int *ret_fd);

#endif
