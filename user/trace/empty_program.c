// SPDX-License-Identifier: GPL-2.0-only
#include "empty_program.h"

#include <bpf/libbpf.h>

#include "tracer.h" /* the types in the skeleton */
#include "vtbpf.skel.h"

struct vtbpf_bpf *empty_program__load(bool multi)
{
	struct vtbpf_bpf *skel = vtbpf_bpf__open();
	struct bpf_program *prog;
	enum bpf_attach_type attach;
	enum bpf_prog_type type;
	struct bpf_map *map;

	if (!skel)
		return NULL;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == skel->progs.on_nothing);
	bpf_object__for_each_map(map, skel->obj) if (!bpf_map__is_internal(map))
		bpf_map__set_autocreate(map, false);
	if (multi && !libbpf_prog_type_by_name("uprobe.multi", &type, &attach))
		bpf_program__set_expected_attach_type(skel->progs.on_nothing, attach);
	if (!vtbpf_bpf__load(skel))
		return skel;
	vtbpf_bpf__destroy(skel);
	return NULL;
}
