// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "c_sites.h"
#include "cpython.h"
#include "dispatch_table.h"
#include "elf_image.h"
#include "flow.h"
#include "insn.h"
#include "probe_plan.h"
#include "sites.h"
#include "tail_call.h"
#include "usdt_note.h"
#include "version.h"

/* Only Py_DEBUG builds have it: Include/object.h, Py_REF_DEBUG. */
#define DEBUG_BUILD_SYMBOL "_Py_NegativeRefcount"

#define TAIL_CALLS_SINCE 14

/* What planning needs on its way, and the sentence for the user when it fails. */
struct planner {
	struct site_search search;
	struct elf_image *img;
	struct decoder *decoder;
	struct flow *flow;
	struct dispatch_table table;
	char *why;
	size_t why_size;
};

static int fail(const struct planner *p, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct planner *p, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, p->why_size, fmt, ap);
	va_end(ap);
	return err;
}

static int open_image(struct planner *p, int fd)
{
	p->img = elf_image__new(fd);
	if (!p->img && errno == ENOEXEC)
		return fail(p, -ENOEXEC, "not a 64-bit little-endian ELF program or library");
	if (!p->img)
		return fail(p, -errno, "cannot read it as an ELF file: %s", strerror(errno));
	return 0;
}

/* Finds out which CPython it is and what is known of that version. */
static int identify(struct planner *p, struct probe_plan *plan)
{
	char text[16];
	struct python_version v;
	struct elf_symbol sym;
	int err = python_version__of(p->img, &v);

	if (err == -ENOENT)
		return fail(p, err, "no CPython in it (no _PyEval_EvalFrameDefault)");
	if (err)
		return fail(p, -ENOTSUP,
			    "its CPython version cannot be told; versions 3.%d to 3.%d can be "
			    "traced",
			    CPYTHON_OLDEST, CPYTHON_NEWEST);
	plan->version = v.hex;
	plan->runtime_vaddr = v.runtime;
	p->search.py = v.hex >> 24 == 3 ? cpython__of(v.hex >> 16 & 0xff) : NULL;
	if (v.hex >> 24 == 2)
		return fail(p, -ENOTSUP, "it is CPython 2; versions 3.%d to 3.%d can be traced",
			    CPYTHON_OLDEST, CPYTHON_NEWEST);
	if (!p->search.py)
		return fail(p, -ENOTSUP,
			    "it is CPython %s, whose internals vtbpf does not know; "
			    "versions 3.%d to 3.%d can be traced",
			    py_version_str(v.hex, text, sizeof(text)), CPYTHON_OLDEST,
			    CPYTHON_NEWEST);
	if (elf_image__symbol(p->img, DEBUG_BUILD_SYMBOL, &sym))
		return fail(
			p, -ENOTSUP,
			"it is a debug build of CPython %s (--with-pydebug), whose objects and "
			"machine code differ; a release build of the same version can be traced",
			py_version_str(v.hex, text, sizeof(text)));
	return 0;
}

static int read_layout(struct planner *p, struct probe_plan *plan)
{
	char text[16];
	int err = cpython__layout(p->search.py, p->img, plan->runtime_vaddr, &plan->layout,
				  &plan->free_threaded);

	if (err)
		return fail(p, -ENOTSUP,
			    "it is CPython %s, but its _Py_DebugOffsets are missing or "
			    "damaged; a build that exports _PyRuntime can be traced",
			    py_version_str(plan->version, text, sizeof(text)));
	return 0;
}

static int find_table(struct planner *p, struct probe_plan *plan)
{
	char text[16];
	int err = dispatch_table__find(p->img, p->search.py, &p->table);

	if (err == -ENOENT && p->search.py->family == FAMILY_FRAME)
		return 0; /* handlers are cases of a switch, and none of them is probed */
	if (err == -ENOENT)
		return fail(
			p, -ENOTSUP,
			"it is CPython %s without a table of opcode handlers: it was "
			"built without computed gotos, or is a pre-release; a usual build of the "
			"same version can be traced",
			py_version_str(plan->version, text, sizeof(text)));
	if (err)
		return fail(p, err, "cannot read it as an ELF file: %s", strerror(-err));
	plan->table_vaddr = p->table.vaddr;
	return 0;
}

/* Follows the code of the evaluation function from its entry and all handlers. */
static int follow_code(struct planner *p, struct probe_plan *plan)
{
	uint64_t roots[257];
	struct elf_symbol sym;
	size_t n = 1, i;

	p->decoder = decoder__new(p->img->machine);
	if (!p->decoder)
		return fail(p, -ENOTSUP,
			    "it is for a machine that vtbpf cannot trace; x86_64 and "
			    "arm64 can be");
	if (!elf_image__symbol(p->img, "_PyEval_EvalFrameDefault", &sym))
		return fail(p, -ENOTSUP,
			    "it does not export _PyEval_EvalFrameDefault; a build with "
			    "its dynamic symbols can be traced");
	roots[0] = sym.vaddr;
	for (i = 0; p->table.vaddr && i < 256; i++)
		roots[n++] = p->table.handlers[i];
	p->flow = flow__new(p->img, p->decoder, roots, n);
	if (!p->flow)
		return fail(p, -ENOTSUP, "the code of its interpreter at 0x%llx cannot be followed",
			    (unsigned long long)sym.vaddr);
	p->search.eval = sym.vaddr;
	plan->tail_call = p->search.py->minor >= TAIL_CALLS_SINCE &&
			  tail_call__is_used(p->img, p->decoder, sym.vaddr);
	return 0;
}

static int choose_handlers(struct planner *p, struct probe_plan *plan)
{
	const struct cpython_opcode *op = p->search.py->opcodes;
	int err = sites__find_registers(&p->search), i;

	if (err)
		return err;
	plan->frame_reg = p->search.frame_reg;
	for (i = 0; !err && i < CPYTHON_MAX_OPCODES && op[i].name; i++)
		err = sites__add_handler(&p->search, &op[i]);
	return err;
}

static int choose_sites(struct planner *p, struct probe_plan *plan)
{
	int err;

	if (p->search.py->family == FAMILY_FRAME)
		return sites__frame_function(&p->search);
	err = choose_handlers(p, plan);
	if (!err && p->search.py->family == FAMILY_IS_ENTRY)
		err = sites__is_entry_exits(&p->search);
	else if (!err)
		err = sites__owner_exits(&p->search);
	return err ? err : sites__throw(&p->search);
}

static int begin_search(struct planner *p, struct probe_plan *plan)
{
	int err = find_table(p, plan);

	if (!err)
		err = follow_code(p, plan);
	p->search.img = p->img;
	p->search.decoder = p->decoder;
	p->search.table = &p->table;
	p->search.flow = p->flow;
	p->search.plan = plan;
	return err;
}

static int make_sites(struct planner *p, struct probe_plan *plan)
{
	char text[16];
	int err = begin_search(p, plan);

	if (err)
		return err;
	err = choose_sites(p, plan);
	if (err == -ENOSPC)
		return fail(
			p, -ENOTSUP,
			"it is CPython %s in a build whose compiler copied the end of calls to so "
			"many places that more than %d probes were needed; another build of the "
			"same version can be traced",
			py_version_str(plan->version, text, sizeof(text)), VTBPF_MAX_SITES);
	if (err)
		return fail(p, -ENOTSUP,
			    "it is CPython %s, but its machine code does not show where "
			    "calls %s; please report the build (build-id %s)",
			    py_version_str(plan->version, text, sizeof(text)),
			    plan->n_sites ? "end" : "begin", plan->build_id);
	if (sites__code_freed(&p->search))
		sites__note(&p->search, "Where its code objects die cannot be seen: they are "
					"compared at each call, which costs a little more.");
	return 0;
}

static void describe_image(const struct planner *p, struct probe_plan *plan)
{
	plan->stripped = p->img->stripped;
	plan->machine = p->img->machine;
	memcpy(plan->build_id, p->img->build_id, sizeof(plan->build_id));
	plan->n_usdt = usdt_note__read(p->img, plan->usdt, PLAN_MAX_USDT);
}

/* Code objects seldom die. From 3.13 on RESUME replaces itself by RESUME_CHECK at its first
 * execution, if there is a GIL. */
static bool is_rare(const struct probe_plan *plan, const struct probe_site *site)
{
	return site->site.kind == VTBPF_SITE_CODE_FREED ||
	       (strcmp(site->name, "RESUME") == 0 && plan->layout.minor >= 13 &&
		!plan->free_threaded);
}

/* Says what a user should know of the sites that were chosen. */
static void note_costs(struct probe_plan *plan, const struct site_search *s)
{
	size_t i;

	for (i = 0; i < plan->n_sites; i++) {
		const struct probe_site *site = &plan->sites[i];

		if (site->cost == COST_SINGLE_STEP && s->py->family != FAMILY_FRAME &&
		    !is_rare(plan, site))
			sites__note(
				s,
				"%s shows the frame at no instruction that the kernel emulates: "
				"it is single-stepped, which costs several times more.",
				site->name);
	}
}

/* All of the plan but its sites. */
static int begin_plan(struct planner *p, int fd, struct probe_plan *plan)
{
	int err;

	memset(plan, 0, sizeof(*plan));
	err = open_image(p, fd);
	if (!err) {
		describe_image(p, plan);
		err = identify(p, plan);
	}
	return err ? err : read_layout(p, plan);
}

int probe_plan__identify(int fd, struct probe_plan *plan, char *why, size_t why_size)
{
	struct planner p = { .why = why, .why_size = why_size };
	int err = begin_plan(&p, fd, plan);

	elf_image__free(p.img);
	return err;
}

static void release(struct planner *p)
{
	flow__free(p->flow);
	decoder__free(p->decoder);
	elf_image__free(p->img);
}

int probe_plan__make(int fd, struct probe_plan *plan, char *why, size_t why_size)
{
	struct planner p = { .why = why, .why_size = why_size };
	int err = begin_plan(&p, fd, plan);

	if (!err)
		err = make_sites(&p, plan);
	if (!err)
		note_costs(plan, &p.search);
	release(&p);
	return err;
}

int probe_plan__watch_exceptions(int fd, struct probe_plan *plan, char *why, size_t why_size)
{
	struct planner p = { .why = why, .why_size = why_size };
	char text[16];
	int err = open_image(&p, fd);

	if (!err)
		err = identify(&p, plan);
	if (!err)
		err = begin_search(&p, plan);
	if (!err && sites__exception(&p.search))
		err = fail(
			&p, -ENOTSUP,
			"it is CPython %s in a build whose machine code does not show where "
			"exceptions begin: leave out the triggers on exceptions, or trace another "
			"build of the same version",
			py_version_str(plan->version, text, sizeof(text)));
	release(&p);
	return err;
}

/* plan: a copy without sites, which gets them. */
static int find_exceptions(struct planner *p, int fd, struct probe_plan *plan)
{
	char text[16];
	int err = open_image(p, fd);

	if (!err)
		err = identify(p, plan);
	if (!err)
		err = begin_search(p, plan);
	if (err)
		return err;
	if (p->search.py->family != FAMILY_FRAME)
		err = sites__find_registers(&p->search);
	if (err || sites__exception(&p->search) || sites__handled(&p->search) ||
	    plan->n_sites > VTBPF_MAX_EXCEPTION_SITES)
		err = fail(p, -ENOTSUP,
			   "it is CPython %s in a build whose machine code does not show where "
			   "exceptions begin and end: leave out --exceptions, or trace another "
			   "build of the same version",
			   py_version_str(plan->version, text, sizeof(text)));
	return err;
}

int probe_plan__find_exceptions(int fd, const struct probe_plan *plan, struct exception_plan *out,
				char *why, size_t why_size)
{
	struct planner p = { .why = why, .why_size = why_size };
	struct probe_plan found = *plan;
	int err;

	memset(out, 0, sizeof(*out));
	found.n_sites = 0;
	err = find_exceptions(&p, fd, &found);
	for (; !err && out->n < found.n_sites; out->n++) {
		const struct probe_site *s = &found.sites[out->n];

		out->places[out->n] = (struct exception_place){
			.site = { .vaddr = s->vaddr, .site = s->site },
			.offset = s->offset,
		};
	}
	release(&p);
	return err;
}

int probe_plan__find_c_calls(int fd, struct probe_plan *plan, struct c_plan *calls, char *why,
			     size_t why_size)
{
	struct planner p = { .why = why, .why_size = why_size };
	char text[16];
	int err;

	calls->n = 0;
	err = open_image(&p, fd);
	if (!err)
		err = identify(&p, plan);
	if (!err)
		err = begin_search(&p, plan);
	if (err) {
		release(&p);
		return err;
	}
	err = p.img->machine == EM_X86_64 && p.search.py->minor >= C_CALLS_SINCE ?
		      sites__find_registers(&p.search) :
		      -ENOENT;
	if (!err)
		err = c_sites__find(&p.search, calls);
	if (err)
		err = fail(
			&p, -ENOTSUP,
			"it is CPython %s, in a build in which --c-calls cannot see where C "
			"functions are called: leave it out, or trace a build of 3.%d to 3.%d for "
			"x86_64 that gcc made",
			py_version_str(plan->version, text, sizeof(text)), C_CALLS_SINCE,
			CPYTHON_NEWEST);
	release(&p);
	return err;
}

const char *probe_plan__reg_name(const struct probe_plan *plan, uint8_t reg)
{
	return insn__reg_name(plan->machine, reg);
}

char *py_version_str(uint32_t version, char *buf, size_t size)
{
	static const char *const levels[16] = { [0xa] = "a", [0xb] = "b", [0xc] = "rc" };
	const char *level = levels[version >> 4 & 0xf];
	int n = snprintf(buf, size, "%u.%u.%u", version >> 24, version >> 16 & 0xff,
			 version >> 8 & 0xff);

	if (level && n > 0 && (size_t)n < size)
		snprintf(buf + n, size - (size_t)n, "%s%u", level, version & 0xf);
	return buf;
}
