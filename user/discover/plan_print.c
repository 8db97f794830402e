// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <inttypes.h>

#include "probe_plan.h"

static const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[VTBPF_SITE_NONE] = "none",	   [VTBPF_SITE_ENTRY] = "entry",
		[VTBPF_SITE_EXIT] = "exit",	   [VTBPF_SITE_YIELD] = "yield",
		[VTBPF_SITE_THROW] = "throw",	   [VTBPF_SITE_TRACEBACK] = "traceback",
		[VTBPF_SITE_CODE_FREED] = "freed", [VTBPF_SITE_EXCEPTION] = "exception",
		[VTBPF_SITE_RAISED] = "exception",
	};

	return kind < sizeof(names) / sizeof(*names) ? names[kind] : "?";
}

static const char *machine_name(uint16_t machine)
{
	return machine == EM_X86_64 ? "x86_64" : machine == EM_AARCH64 ? "arm64" : "other";
}

static void print_head(const struct probe_plan *plan, const char *path, FILE *out)
{
	char version[16];

	fprintf(out, "interpreter  %s\n", path);
	fprintf(out, "version      CPython %s %s%s%s%s\n",
		py_version_str(plan->version, version, sizeof(version)),
		machine_name(plan->machine), plan->free_threaded ? ", free-threaded" : "",
		plan->tail_call ? ", tail calls" : "", plan->stripped ? ", stripped" : "");
	fprintf(out, "build-id     %s\n", plan->build_id[0] ? plan->build_id : "-");
	fprintf(out, "runtime      0x%" PRIx64 "\n", plan->runtime_vaddr);
	if (plan->table_vaddr)
		fprintf(out, "opcode table 0x%" PRIx64 "\n", plan->table_vaddr);
	else
		fprintf(out, "opcode table none (a switch)\n");
	fprintf(out, "frame in     %s\n", probe_plan__reg_name(plan, plan->frame_reg));
}

/* A place behind a register, as the machine's assembler writes it. */
static void print_word(const struct probe_plan *plan, const char *what, uint8_t reg, int at,
		       FILE *out)
{
	const char *name = probe_plan__reg_name(plan, reg), *sign = at < 0 ? "-" : "";
	unsigned int far = (unsigned int)(at < 0 ? -at : at);

	if (plan->machine == EM_AARCH64)
		fprintf(out, "; %s at [%s, #%s0x%x]", what, name, sign, far);
	else
		fprintf(out, "; %s at %s0x%x(%%%s)", what, sign, far, name);
}

static void print_site(const struct probe_plan *plan, const struct probe_site *s, FILE *out)
{
	static const char *const moved[] = { " ", "*", "+", "#" }; /* code units */
	char skip[24];

	snprintf(skip, sizeof(skip), "+%" PRId64, (int64_t)(s->offset - s->entry_offset));
	fprintf(out, "  %-9s  %-26s  0x%-8" PRIx64 "  %-5s  %-11s  %-4s  %-4s%s  %s",
		kind_name(s->site.kind), s->name, s->offset, skip,
		s->cost == COST_EMULATED ? "emulated" : "single-step",
		probe_plan__reg_name(plan, s->site.frame_reg),
		probe_plan__reg_name(plan, s->site.instr_reg),
		moved[s->site.flags & VTBPF_SITE_ADVANCED_MASK], s->insn);
	if (s->site.flags & VTBPF_SITE_FRAME_IN_WORD)
		print_word(plan, "frame", s->site.frame_reg, s->site.frame_at, out);
	if (s->site.flags & VTBPF_SITE_INSTR_IN_WORD)
		print_word(plan, "next", s->site.instr_reg, s->site.instr_at, out);
	fputc('\n', out);
}

static void print_sites(const struct probe_plan *plan, FILE *out)
{
	size_t i;

	fprintf(out, "sites\n  %-9s  %-26s  %-10s  %-5s  %-11s  %-4s  %-5s  %s\n", "kind", "name",
		"offset", "after", "cost", "frame", "next", "instruction");
	for (i = 0; i < plan->n_sites; i++)
		print_site(plan, &plan->sites[i], out);
}

static void print_layout(const struct vtbpf_layout *l, FILE *out)
{
	fprintf(out, "layout\n");
	fprintf(out, "  frame   code 0x%x%s, previous 0x%x, owner 0x%x, locals 0x%x%s\n",
		l->frame_code, l->flags & VTBPF_LAYOUT_TAGGED_CODE ? " (tagged)" : "",
		l->frame_previous, l->frame_owner, l->frame_localsplus,
		l->flags & VTBPF_LAYOUT_FRAME_IS_OBJECT ? ", is an object" : "");
	fprintf(out, "  code    flags 0x%x, line 0x%x, file 0x%x, name 0x%x, version 0x%x\n",
		l->code_flags, l->code_firstlineno, l->code_filename, l->code_name,
		l->code_version);
	fprintf(out,
		"  string  length 0x%x, state 0x%x (kind %u, compact %u, ascii %u), data 0x%x or "
		"0x%x\n",
		l->str_length, l->str_state, l->str_kind_shift, l->str_compact_bit,
		l->str_ascii_bit, l->str_ascii, l->str_compact);
}

static void print_usdt(const struct probe_plan *plan, FILE *out)
{
	size_t i;

	fprintf(out, "usdt         %zu\n", plan->n_usdt);
	for (i = 0; i < plan->n_usdt; i++)
		fprintf(out, "  %-30s  0x%-8" PRIx64 "  %s\n", plan->usdt[i].name,
			plan->usdt[i].offset, plan->usdt[i].args);
}

void probe_plan__print(const struct probe_plan *plan, const char *path, FILE *out)
{
	size_t i;

	print_head(plan, path, out);
	print_sites(plan, out);
	print_layout(&plan->layout, out);
	print_usdt(plan, out);
	for (i = 0; i < plan->n_notes; i++)
		fprintf(out, "note         %s\n", plan->notes[i]);
}
