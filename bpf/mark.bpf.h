/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Marks: the program calls sys.audit("vtbpf.mark", NAME). The site is the beginning of the built-in
 * function, sys_audit(module, args, nargs) (Python/sysmodule.c), so other audit events, of which the
 * interpreter has many, cost nothing.
 */
#ifndef VTBPF_MARK_BPF_H
#define VTBPF_MARK_BPF_H

const volatile bool marks_watched;
const volatile __u8 mark_args_reg, mark_nargs_reg;
const volatile __u32 other_site_cost; /* of a hit of a site that is no call's, ns */

/* Room for the name in the three sizes of its record; longer names are cut. */
#define MARK_SMALL (256 - sizeof(struct vtbpf_rec_event))
#define MARK_MIDDLE (4096 - sizeof(struct vtbpf_rec_event))
#define MARK_LARGE (65528 - sizeof(struct vtbpf_rec_event))

/* As str_read_header(), also of an instance of a class derived from str: its characters lie elsewhere,
 * which the pointer behind all else tells. */
static __always_inline void mark_read_header(__u64 str, struct str_header *h)
{
	__u32 state = 0;

	str_read_header(str, h);
	if (h->width ||
	    bpf_probe_read_user(&state, sizeof(state), (void *)(str + layout.str_state)) ||
	    (state >> layout.str_compact_bit) & 1)
		return;
	h->width = (state >> layout.str_kind_shift) & 7;
	if (h->width != 1 && h->width != 2 && h->width != 4)
		h->width = 0;
	h->data = word_at(str + layout.str_compact);
}

static __always_inline int emit_mark(const struct str_header *h, __u32 tid, __u64 now,
				     const __u32 room)
{
	struct vtbpf_rec_event *r =
		bpf_ringbuf_reserve(&events, sizeof(struct vtbpf_rec_event) + room, 0);

	if (!r)
		return -1;
	__builtin_memset(r, 0, sizeof(*r));
	fill_prefix(&r->rec, VTBPF_REC_EVENT, sizeof(*r) + room, tid);
	r->start = now;
	r->what = VTBPF_EVENT_MARK;
	put_text(r, h, room);
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

static __always_inline void take_mark(struct pt_regs *ctx)
{
	__u64 id = current_ids(), now = bpf_ktime_get_ns();
	__u64 args = read_reg(ctx, mark_args_reg), name;
	__u32 tid = id, tgid = id >> 32, bytes;
	struct thread_state *t = thread_of(tid);
	struct str_header h = {};
	int err;

	if ((__s64)read_reg(ctx, mark_nargs_reg) < 2 || !STR_IS(word_at(args), "vtbpf.mark"))
		return;
	if (!bpf_map_lookup_elem(&targets, &tgid) || (t && t->verdict == VERDICT_IGNORE))
		return;
	name = word_at(args + sizeof(__u64));
	if (attrs.tp_flags && !(type_flags(name) & TYPE_UNICODE))
		return;
	mark_read_header(name, &h);
	if (!h.width)
		return;
	flush_batch(tid); /* calls that ended before */
	bytes = h.length * h.width;
	err = bytes <= MARK_SMALL  ? emit_mark(&h, tid, now, MARK_SMALL) :
	      bytes <= MARK_MIDDLE ? emit_mark(&h, tid, now, MARK_MIDDLE) :
				     emit_mark(&h, tid, now, MARK_LARGE);
	if (err)
		__sync_fetch_and_add(&events_lost, 1);
}

#endif
