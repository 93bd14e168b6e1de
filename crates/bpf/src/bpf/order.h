/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which events find room in a ring that fills: what changes the state as long as there is any, what rules use up to seven
 * eighths of the ring, all others up to three quarters. */
#pragma once

#define FIRST 0
/* How much of a ring events of an order leave free: a 2^nth part of it, by order; nothing for the first. */
#define LEAVES(order) (4 - (order))

/* By type; user space writes it. */
__u8 order_of[TYPES] SEC(".bss.order");

static __always_inline bool is_first(__u16 type)
{
	return *(volatile __u8 *)&order_of[type & (TYPES - 1)] == FIRST;
}

/* Up to where events of this type fill a ring of that size. */
static __always_inline __u32 limit_of(__u32 size, __u16 type)
{
	__u8 order = *(volatile __u8 *)&order_of[type & (TYPES - 1)] & 3;
	return order == FIRST ? size : size - (size >> LEAVES(order));
}
