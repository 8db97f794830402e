/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The interpreter's frames, read through the layout that discover found for this build. */
#ifndef VTBPF_FRAME_BPF_H
#define VTBPF_FRAME_BPF_H

#define CODE_UNIT 2 /* bytes of an instruction, every version since 3.6 */

struct frame_link {
	__u64 code;
	__u64 previous;
};

/* FRAME_OWNED_BY_THREAD, in all versions that have owners (Include/internal/pycore_frame.h). */
#define OWNER_THREAD 0

#define FRAME_HEAD_BYTES 32 /* frame_code and frame_previous lie in one stretch of at most this */

/* Code object and caller of a frame, in one read: they are neighbours in every version. */
static __always_inline int frame_read_link(__u64 frame, struct frame_link *link)
{
	__u32 lo = layout.frame_code < layout.frame_previous ? layout.frame_code :
							       layout.frame_previous;
	__u32 code_at = layout.frame_code - lo, prev_at = layout.frame_previous - lo;
	char head[FRAME_HEAD_BYTES] __attribute__((aligned(8)));

	if (code_at > FRAME_HEAD_BYTES - 8 || prev_at > FRAME_HEAD_BYTES - 8)
		return -1;
	if (bpf_probe_read_user(head, sizeof(head), (void *)(frame + lo)))
		return -1;
	link->code = *(__u64 *)(head + code_at);
	link->previous = *(__u64 *)(head + prev_at);
	if (layout.flags & VTBPF_LAYOUT_TAGGED_CODE)
		link->code &= ~7ULL;
	return 0;
}

/* The frame of a frame object; 0 when it cannot be read. */
static __always_inline __u64 frame_of_object(__u64 object)
{
	__u64 frame = 0;

	if (layout.flags & VTBPF_LAYOUT_FRAME_IS_OBJECT)
		return object;
	bpf_probe_read_user(&frame, sizeof(frame), (void *)(object + layout.frameobj_frame));
	return frame;
}

/* Frames that CPython 3.12+ puts where C code called the interpreter: they run no Python. */
static __always_inline bool frame_is_shim(__u64 frame)
{
	__u8 owner = 0;

	if (!layout.frame_owner)
		return false;
	if (bpf_probe_read_user(&owner, 1, (void *)(frame + layout.frame_owner)))
		return false;
	return owner >= layout.owner_first_shim;
}

/* The value of a DWARF-numbered register. The load is written out because the verifier wants it at
 * a constant offset from the context, and the compiler would merge the cases into one computed
 * address. */
#define LOAD_CTX(offset)                                                                    \
	({                                                                                  \
		__u64 __v;                                                                  \
		asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(__v) : "r"(ctx), "i"(offset)); \
		__v;                                                                        \
	})

#if defined(__TARGET_ARCH_x86)
#define REG_CASE(n, field) \
	case n:            \
		return LOAD_CTX(__builtin_offsetof(struct pt_regs, field))

static __always_inline __u64 read_reg(struct pt_regs *ctx, __u8 reg)
{
	switch (reg) {
		REG_CASE(0, ax);
		REG_CASE(1, dx);
		REG_CASE(2, cx);
		REG_CASE(3, bx);
		REG_CASE(4, si);
		REG_CASE(5, di);
		REG_CASE(6, bp);
		REG_CASE(7, sp);
		REG_CASE(8, r8);
		REG_CASE(9, r9);
		REG_CASE(10, r10);
		REG_CASE(11, r11);
		REG_CASE(12, r12);
		REG_CASE(13, r13);
		REG_CASE(14, r14);
		REG_CASE(15, r15);
	}
	return 0;
}

/* The address of the probed instruction. */
static __always_inline __u64 read_ip(struct pt_regs *ctx)
{
	return LOAD_CTX(__builtin_offsetof(struct pt_regs, ip));
}
#elif defined(__TARGET_ARCH_arm64)
#define REG_CASE(n) \
	case n:     \
		return LOAD_CTX((n)*8)

static __always_inline __u64 read_reg(struct pt_regs *ctx, __u8 reg)
{
	switch (reg) {
		REG_CASE(0);
		REG_CASE(1);
		REG_CASE(2);
		REG_CASE(3);
		REG_CASE(4);
		REG_CASE(5);
		REG_CASE(6);
		REG_CASE(7);
		REG_CASE(8);
		REG_CASE(9);
		REG_CASE(10);
		REG_CASE(11);
		REG_CASE(12);
		REG_CASE(13);
		REG_CASE(14);
		REG_CASE(15);
		REG_CASE(19);
		REG_CASE(20);
		REG_CASE(21);
		REG_CASE(22);
		REG_CASE(23);
		REG_CASE(24);
		REG_CASE(25);
		REG_CASE(26);
		REG_CASE(27);
		REG_CASE(28);
		REG_CASE(29);
		REG_CASE(31);
	}
	return 0;
}

static __always_inline __u64 read_ip(struct pt_regs *ctx)
{
	return LOAD_CTX(32 * 8);
}
#endif

/* What a site finds in a register, or in the word of the stack that the register points near. 0 if
 * that cannot be read. */
static __always_inline __u64 read_place(struct pt_regs *ctx, __u8 reg, __s16 at, bool in_word)
{
	__u64 value = read_reg(ctx, reg);

	if (sites_in_words && in_word &&
	    bpf_probe_read_user(&value, sizeof(value), (void *)(value + at)))
		return 0;
	return value;
}

#endif
