/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --gc: collections. The sites say when gcstate->collecting is set and cleared (vtbpf_gc.h); what a
 * collection did is what the interpreter's own counters grew by meanwhile, so a site that writes something
 * else tells of nothing.
 */
#ifndef VTBPF_GC_BPF_H
#define VTBPF_GC_BPF_H

const volatile struct vtbpf_gc_site gc_sites[VTBPF_MAX_GC_SITES];
const volatile __u32 gc_stats; /* enum vtbpf_gc_stats */
const volatile bool gc_watched;

/* Objects are those that gc.collect() would count. */
struct gc_totals {
	__u64 collections[VTBPF_GC_GENERATIONS], objects[VTBPF_GC_GENERATIONS];
};

struct gc_key {
	__u64 flag; /* address of gcstate->collecting */
	__u32 tid;
	__u32 tgid;
};

struct gc_open {
	__u64 start;
	struct gc_totals before;
};

/* Made only with --gc. Collections that began, and did not end yet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct gc_key);
	__type(value, struct gc_open);
} gc_running SEC(".maps");

/* A ring: its entries, and behind them the index of the newest one. */
#define GC_ENTRY_BYTES 64 /* in a ring; the words that count are its third to fifth */
#define GC_ENTRY_COUNTS 16
#define GC_YOUNG_ENTRIES 11
#define GC_OLD_ENTRIES 3
#define GC_YOUNG_RING (GC_YOUNG_ENTRIES * GC_ENTRY_BYTES + 8)
#define GC_OLD_RING (GC_OLD_ENTRIES * GC_ENTRY_BYTES + 8)
#define GC_PLAIN_BYTES 24 /* of an entry that is no ring's */

struct gc_counts {
	__u64 collections, collected, uncollectable;
};

/* Where the counts of a generation are, 0 when that cannot be read. */
static __always_inline __u64 gc_counts_at(__u64 flag, __u32 generation)
{
	__u64 ring;
	__u32 n = generation ? GC_OLD_ENTRIES : GC_YOUNG_ENTRIES;
	__u8 newest = 0;

	if (gc_stats == VTBPF_GC_STATS_BEFORE)
		return flag - (VTBPF_GC_GENERATIONS - generation) * GC_PLAIN_BYTES;
	ring = word_at(flag - sizeof(__u64));
	if (generation)
		ring += GC_YOUNG_RING + (generation - 1) * GC_OLD_RING;
	if (bpf_probe_read_user(&newest, 1, (void *)(ring + n * GC_ENTRY_BYTES)) || newest >= n)
		return 0;
	return ring + newest * GC_ENTRY_BYTES + GC_ENTRY_COUNTS;
}

static __always_inline int gc_read_totals(__u64 flag, struct gc_totals *t)
{
	struct gc_counts c;

	for (__u32 i = 0; i < VTBPF_GC_GENERATIONS; i++) {
		__u64 at = gc_counts_at(flag, i);

		if (!at || bpf_probe_read_user(&c, sizeof(c), (void *)at))
			return -1;
		t->collections[i] = c.collections;
		t->objects[i] = c.collected + c.uncollectable;
	}
	return 0;
}

static __always_inline void gc_begins(const struct gc_key *key, __u64 now)
{
	struct gc_open open = { .start = now };

	if (!gc_read_totals(key->flag, &open.before))
		bpf_map_update_elem(&gc_running, key, &open, BPF_ANY);
}

static __always_inline void gc_emit(__u32 tid, __u64 start, __u64 end, __u32 generation,
				    __u64 objects)
{
	struct vtbpf_rec_event *r = EMIT_RESERVE(struct vtbpf_rec_event, VTBPF_REC_EVENT, tid);

	if (!r) {
		__sync_fetch_and_add(&events_lost, 1);
		return;
	}
	__builtin_memset((char *)r + sizeof(r->rec), 0, sizeof(*r) - sizeof(r->rec));
	r->start = start;
	r->dur = end - start;
	r->what = VTBPF_EVENT_GC;
	r->value[0] = generation;
	r->value[1] = objects;
	bpf_ringbuf_submit(r, wakeup_flags());
}

static __always_inline void gc_ends(const struct gc_key *key, __u64 now)
{
	struct gc_open *open = bpf_map_lookup_elem(&gc_running, key);
	__u32 generation = 0, n = 0;
	struct gc_totals after = {};

	if (!open)
		return;
	if (!gc_read_totals(key->flag, &after)) {
		for (__u32 i = 0; i < VTBPF_GC_GENERATIONS; i++) {
			after.collections[i] -= open->before.collections[i];
			after.objects[i] -= open->before.objects[i];
			n += after.collections[i];
			if (after.collections[i])
				generation = i;
		}
	}
	if (n == 1) {
		flush_batch(key->tid); /* calls that it made ended before it does */
		gc_emit(key->tid, open->start, now, generation, after.objects[generation & 3]);
	}
	bpf_map_delete_elem(&gc_running, key);
}

#if defined(__TARGET_ARCH_x86)
#define ZERO_FLAG 0x40
static __always_inline bool gc_has_changed(struct pt_regs *ctx)
{
	return LOAD_CTX(__builtin_offsetof(struct pt_regs, flags)) & ZERO_FLAG;
}

static __always_inline __u64 gc_base(struct pt_regs *ctx, __u8 reg)
{
	return reg == VTBPF_GC_BASE_IP ? read_ip(ctx) : read_reg(ctx, reg);
}
#else /* no sites are found there */
static __always_inline bool gc_has_changed(struct pt_regs *ctx)
{
	return false;
}

static __always_inline __u64 gc_base(struct pt_regs *ctx, __u8 reg)
{
	return read_reg(ctx, reg);
}
#endif

static __always_inline void gc_take_hit(struct pt_regs *ctx, __u64 index)
{
	const volatile struct vtbpf_gc_site *site = &gc_sites[index];
	__u64 id = current_ids(), now = bpf_ktime_get_ns();
	struct gc_key key = { .tid = id, .tgid = id >> 32 };
	struct thread_state *t = thread_of(key.tid);
	__u32 value;

	if (index >= VTBPF_MAX_GC_SITES)
		return;
	value = site->value;
	if (!bpf_map_lookup_elem(&targets, &key.tgid) || (t && t->verdict == VERDICT_IGNORE))
		return;
	key.flag = gc_base(ctx, site->base) + site->disp;
	if (site->value_reg != VTBPF_NO_REG)
		value = read_reg(ctx, site->value_reg);
	if (site->flags & VTBPF_GC_SITE_IF_ZERO) {
		if (!gc_has_changed(ctx))
			return;
		value = 1;
	}
	if (value == 1)
		gc_begins(&key, now);
	else if (!value)
		gc_ends(&key, now);
}

#endif
