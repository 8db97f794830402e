// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "commands.h"
#include "convert.h"
#include "finish.h"
#include "sandbox.h"
#include "write/writer.h"

int cmd_report(const struct options *o)
{
	struct convert_options c = finish__options(o, o->inputs.items[0]);
	struct convert_summary sum;

	c.more_inputs = o->inputs.items + 1;
	c.n_more_inputs = o->inputs.n - 1;
	c.ops = o->json ? &report_json_writer : &report_writer;
	c.report = &o->report;
	if (!o->output_named) {
		c.output = "/dev/stdout";
		c.output_named = true;
	}
	finish__catch_signals();
	sandbox__enter(SANDBOX_CONVERT);
	return convert__run(&c, &sum) ? EXIT_FAILED : EXIT_OK;
}
