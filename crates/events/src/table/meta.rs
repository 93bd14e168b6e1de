//! Events that the kernel does not send: containers, plugins, users added and deleted, drops.

use super::row::*;

events! {
    148 DROP_E "drop" (INTERNAL | METAEVENT) (SKIPPARSERESET) {
        ratio: UINT32 DEC = CUSTOM,
    }
    149 DROP_X "drop" (INTERNAL | METAEVENT) (SKIPPARSERESET) {
        ratio: UINT32 DEC = CUSTOM,
    }
    196 SCAPEVENT_E "scapevent" (INTERNAL | METAEVENT) (SKIPPARSERESET) {
        event_type: UINT32 DEC,
        event_data: UINT64 DEC,
    }
    228 CONTAINER_E "container" (INTERNAL | METAEVENT) (MODIFIES_STATE | SKIPPARSERESET | OLD_VERSION | CONVERTER_MANAGED) {
        id: CHARBUF NA,
        r#type: UINT32 DEC,
        name: CHARBUF NA,
        image: CHARBUF NA,
    }
    234 PROCINFO_E "procinfo" (INTERNAL | METAEVENT) (SKIPPARSERESET) {
        cpu_usr: UINT64 DEC,
        cpu_sys: UINT64 DEC,
    }
    244 CPU_HOTPLUG_E "cpu_hotplug" (SYSTEM | METAEVENT) (MODIFIES_STATE | SKIPPARSERESET) {
        cpu: UINT32 DEC = CUSTOM,
        action: UINT32 DEC = ZERO,
    }
    260 K8S_E "k8s" (INTERNAL | METAEVENT) (MODIFIES_STATE | SKIPPARSERESET | OLD_VERSION) {
        json: CHARBUF NA,
    }
    268 TRACER_E "tracer" (OTHER | METAEVENT) (OLD_VERSION) {
        id: INT64 DEC,
        tags: CHARBUFARRAY NA,
        args: CHARBUF_PAIR_ARRAY NA,
    }
    270 MESOS_E "mesos" (INTERNAL | METAEVENT) (MODIFIES_STATE | SKIPPARSERESET | OLD_VERSION) {
        json: CHARBUF NA,
    }
    272 CONTAINER_JSON_E "container" (PROCESS | METAEVENT) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        json: CHARBUF NA,
    }
    280 NOTIFICATION_E "notification" (OTHER | METAEVENT) (SKIPPARSERESET) {
        id: CHARBUF DEC,
        desc: CHARBUF NA,
    }
    286 INFRASTRUCTURE_EVENT_E "infra" (INTERNAL | METAEVENT) (SKIPPARSERESET) {
        source: CHARBUF DEC,
        name: CHARBUF NA,
        description: CHARBUF NA,
        scope: CHARBUF NA,
    }
    322 PLUGINEVENT_E "pluginevent" (OTHER | PLUGIN) (LARGE_PAYLOAD) {
        plugin_id: UINT32 DEC,
        event_data: BYTEBUF NA,
    }
    324 CONTAINER_JSON_2_E "container" (PROCESS | METAEVENT) (MODIFIES_STATE | LARGE_PAYLOAD) {
        json: CHARBUF NA,
    }
    354 USER_ADDED_E "useradded" (PROCESS | METAEVENT) (MODIFIES_STATE) {
        uid: UINT32 DEC,
        gid: UINT32 DEC,
        name: CHARBUF NA,
        home: CHARBUF NA,
        shell: CHARBUF NA,
        container_id: CHARBUF NA,
    }
    356 USER_DELETED_E "userdeleted" (PROCESS | METAEVENT) (MODIFIES_STATE) {
        uid: UINT32 DEC,
        gid: UINT32 DEC,
        name: CHARBUF NA,
        home: CHARBUF NA,
        shell: CHARBUF NA,
        container_id: CHARBUF NA,
    }
    358 GROUP_ADDED_E "groupadded" (PROCESS | METAEVENT) (MODIFIES_STATE) {
        gid: UINT32 DEC,
        name: CHARBUF NA,
        container_id: CHARBUF NA,
    }
    360 GROUP_DELETED_E "groupdeleted" (PROCESS | METAEVENT) (MODIFIES_STATE) {
        gid: UINT32 DEC,
        name: CHARBUF NA,
        container_id: CHARBUF NA,
    }
    402 ASYNCEVENT_E "asyncevent" (OTHER | METAEVENT) (LARGE_PAYLOAD) {
        plugin_id: UINT32 DEC,
        name: CHARBUF NA,
        data: BYTEBUF NA,
    }
}
