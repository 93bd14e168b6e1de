/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which events are still accepted while a ring fills up: events that change the state until it is full, events
 * that rules use until it is seven eighths full, all others until it is three quarters full. */
#pragma once

#define FIRST 0
/* Events of an order leave a part of the ring free for those of lower orders: the ring's size shifted right by this number. That is
 * an eighth for order 1 and a quarter for order 2. Events of the first order leave nothing free. */
#define LEAVES(order) (4 - (order))

/* Order by event type; user space writes it. */
__u8 order_of[TYPES] SEC(".bss.order");

static __always_inline bool is_first(__u16 type)
{
	return *(volatile __u8 *)&order_of[type & (TYPES - 1)] == FIRST;
}

/* The number of bytes up to which events of this type fill a ring of this size. */
static __always_inline __u32 limit_of(__u32 size, __u16 type)
{
	__u8 order = *(volatile __u8 *)&order_of[type & (TYPES - 1)] & 3;
	return order == FIRST ? size : size - (size >> LEAVES(order));
}
