/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sites that are no struct vtbpf_site. Where an interpreter's collector begins and ends, and where it
 * counts what it did (--gc); and where a mark is set, sys.audit("vtbpf.mark", NAME). Another part of the
 * contract, see vtbpf.h.
 */
#ifndef VTBPF_GC_H
#define VTBPF_GC_H

#define VTBPF_MAX_GC_SITES 256 /* link-time optimisation copies the collector's callers */
#define VTBPF_GC_BASE_IP 0xfe  /* as a register: the address of the probed instruction */

/*
 * An instruction that changes gcstate->collecting, or the one behind it: base + disp is the address of
 * that int. It becomes `value`, or what is in value_reg: 1 where a collection begins, 0 where it ends.
 */
struct vtbpf_gc_site {
	__s64 disp;
	__u8 base;	/* a register as in struct vtbpf_site, or VTBPF_GC_BASE_IP */
	__u8 value_reg; /* or VTBPF_NO_REG */
	__u8 value;
	__u8 flags; /* VTBPF_GC_SITE_* */
	__u32 _pad;
};

/* It has changed only if the processor's zero flag is set: an atomic exchange came before. */
#define VTBPF_GC_SITE_IF_ZERO 0x1

#define VTBPF_GC_GENERATIONS 3

/*
 * From gcstate->collecting to gcstate->generation_stats, in words of 8 bytes each: collections,
 * collected, uncollectable. Up to 3.14 they lie before the former, an entry for each generation. From
 * 3.15 on a pointer does, to rings of entries: the newest one is where the ring's index says
 * (Include/internal/pycore_interp_structs.h).
 */
enum vtbpf_gc_stats { VTBPF_GC_STATS_BEFORE = 0, VTBPF_GC_STATS_RINGS = 1 };

/* Attach cookies: those of the sites in the plan are below. */
#define VTBPF_COOKIE_GC VTBPF_MAX_SITES
#define VTBPF_COOKIE_MARK (VTBPF_COOKIE_GC + VTBPF_MAX_GC_SITES)
#define VTBPF_MAX_COOKIES (VTBPF_COOKIE_MARK + 1)

#endif
