/* bpf - what a seccomp program answers, found by running it here instead of in the kernel. */
#ifndef RCTR_TEST_BPF_H
#define RCTR_TEST_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

enum { BPF_BROKEN = 0x7ffe0000 }; /* no answer: a jump or load out of bounds, or an odd opcode */

static unsigned bpf_jump(const struct sock_filter *i, unsigned a)
{
    switch (BPF_OP(i->code)) {
    case BPF_JA: return i->k;
    case BPF_JEQ: return a == i->k ? i->jt : i->jf;
    case BPF_JGE: return a >= i->k ? i->jt : i->jf;
    case BPF_JGT: return a > i->k ? i->jt : i->jf;
    case BPF_JSET: return a & i->k ? i->jt : i->jf;
    }
    return BPF_BROKEN;
}

static unsigned bpf_run(const struct sock_fprog *p, const struct seccomp_data *d)
{
    unsigned a = 0;

    for (unsigned at = 0; at < p->len; at++) {
        const struct sock_filter *i = &p->filter[at];

        if (i->code == (BPF_RET | BPF_K))
            return i->k;
        if (i->code == (BPF_LD | BPF_W | BPF_ABS) && i->k <= sizeof *d - 4 && i->k % 4 == 0)
            memcpy(&a, (const char *)d + i->k, 4);
        else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
            a &= i->k;
        else if (BPF_CLASS(i->code) == BPF_JMP)
            at += bpf_jump(i, a);
        else
            return BPF_BROKEN;
    }
    return BPF_BROKEN;
}

#endif
