/* See primitive.h. */
#include "primitive.h"

#include <assert.h>
#include <string.h>

#include "engine.h"

void *location_address(const struct plan *plan, const struct op *op, const struct location *location)
{
    char *block = NULL;
    switch (location->region) {
    case REGION_DATA: return value_data_memory(plan, location->index);
    case REGION_GRAD: return value_grad_memory(plan, location->index);
    case REGION_PARAM: return param_value(plan, location->index);
    case REGION_PARAM_GRAD: return param_grad(plan, location->index);
    case REGION_FORWARD:
        assert(location->offset == 0 || location->offset < op->scratch_forward);
        block = op_scratch_forward(plan, op);
        break;
    case REGION_BACKWARD:
        assert(location->offset == 0 || location->offset < op->scratch_backward);
        block = op_scratch_backward(plan, op);
        break;
    case REGION_SAVED: block = op_saved(plan, op); break;
    case REGION_PACKED:
        assert(location->offset == 0 || location->offset < op->packed);
        block = op_packed(plan, op);
        break;
    case REGION_OWN: break;
    }
    return block ? block + location->offset : NULL;
}

static int bind(const struct primitive *primitive, const struct plan *plan, const struct op *op, struct err *err)
{
    for (int i = 0; i < primitive->count; i++) {
        if (primitive->locations[i].region == REGION_OWN)
            continue;
        void *address = location_address(plan, op, &primitive->locations[i]);
        if (engine_check(dnnl_memory_set_data_handle(primitive->args[i].memory, address), "a memory object", err))
            return -1;
    }
    return 0;
}

int primitives_bind(struct plan *plan, struct op *op, struct err *err)
{
    const struct primitives *primitives = op->state;
    for (const struct primitive *p = primitives->first; p; p = p->next)
        if (bind(p, plan, op, err))
            return -1;
    return 0;
}

void primitive_clear(struct primitive *primitive)
{
    for (int i = 0; i < primitive->count; i++)
        dnnl_memory_destroy(primitive->args[i].memory);
    if (primitive->handle)
        dnnl_primitive_destroy(primitive->handle);
    *primitive = (struct primitive){ .next = primitive->next };
}

void primitives_release(struct op *op)
{
    struct primitives *primitives = op->state;
    for (struct primitive *p = primitives ? primitives->first : NULL; p; p = p->next)
        primitive_clear(p);
    op_state_free(op);
}

static int add_arg(struct primitive *primitive, const struct plan *plan, const struct argument *arg, struct err *err)
{
    static const int numbers[] = {
        [ARG_SRC] = DNNL_ARG_SRC,
        [ARG_WEIGHTS] = DNNL_ARG_WEIGHTS,
        [ARG_BIAS] = DNNL_ARG_BIAS,
        [ARG_DST] = DNNL_ARG_DST,
        [ARG_WORKSPACE] = DNNL_ARG_WORKSPACE,
        [ARG_SCRATCHPAD] = DNNL_ARG_SCRATCHPAD,
        [ARG_DIFF_SRC] = DNNL_ARG_DIFF_SRC,
        [ARG_DIFF_WEIGHTS] = DNNL_ARG_DIFF_WEIGHTS,
        [ARG_DIFF_BIAS] = DNNL_ARG_DIFF_BIAS,
        [ARG_DIFF_DST] = DNNL_ARG_DIFF_DST,
    };
    assert(primitive->count < PRIMITIVE_ARGS);
    void *memory = arg->location.region == REGION_OWN ? DNNL_MEMORY_ALLOCATE : DNNL_MEMORY_NONE;
    dnnl_exec_arg_t *next = &primitive->args[primitive->count];
    *next = (dnnl_exec_arg_t){ .arg = numbers[arg->arg] };
    if (engine_check(api_memory(&next->memory, &arg->layout->md, engine_of(plan)->engine, memory), "a memory object",
                     err))
        return -1;
    primitive->locations[primitive->count++] = arg->location;
    return 0;
}

int primitive_args(struct primitive *primitive, const struct plan *plan, const struct argument *args, size_t count,
                   struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (args[i].layout && add_arg(primitive, plan, &args[i], err))
            return -1;
    return 0;
}

int primitive_run(const struct primitive *primitive, const struct plan *plan, struct err *err)
{
    if (!primitive->handle)
        return 0;
    return engine_check(
        dnnl_primitive_execute(primitive->handle, engine_of(plan)->stream, primitive->count, primitive->args),
        "a primitive", err);
}

/* NULL of an empty one. */
static const_dnnl_primitive_desc_t desc_of(const struct primitive *primitive)
{
    const_dnnl_primitive_desc_t desc = NULL;
    bool found = primitive->handle && dnnl_primitive_get_primitive_desc(primitive->handle, &desc) == dnnl_success;
    return found ? desc : NULL;
}

/* oneDNN's name of what runs it; NULL of an empty one. */
static const char *implementation_of(const struct primitive *primitive)
{
    const_dnnl_primitive_desc_t desc = desc_of(primitive);
    const char *name = NULL;
    bool found = desc && dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success;
    return found ? name : NULL;
}

int primitives_forward(struct plan *plan, struct op *op, struct err *err)
{
    return primitive_run(primitive_of(op, PASS_FORWARD), plan, err);
}

bool primitive_is_reference(const struct primitive *primitive)
{
    const char *name = implementation_of(primitive);
    return name && !strncmp(name, "ref", 3);
}

bool primitive_layout(const struct primitive *primitive, dnnl_query_t what, struct layout *layout)
{
    const_dnnl_primitive_desc_t desc = desc_of(primitive);
    return desc && api_md_query(desc, what, &layout->md);
}

static dnnl_prop_kind_t propagation(const struct op *op, enum op_pass pass)
{
    if (pass == PASS_BACKWARD_DATA)
        return dnnl_backward_data;
    if (pass == PASS_BACKWARD_WEIGHTS)
        return dnnl_backward_weights;
    return op->trains ? dnnl_forward_training : dnnl_forward_inference;
}

int making_init(struct making *making, dnnl_post_ops_t post, struct err *err)
{
    bool backward = making->pass != PASS_FORWARD;
    dnnl_primitive_attr_t attributes = NULL;
    if (engine_check(dnnl_primitive_attr_create(&attributes), making->what, err))
        return -1;
    if (engine_check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), making->what,
                     err) ||
        (post && engine_check(dnnl_primitive_attr_set_post_ops(attributes, post), making->what, err))) {
        dnnl_primitive_attr_destroy(attributes);
        return -1;
    }
    making->scratchpad = AT_OFFSET(backward ? REGION_BACKWARD : REGION_FORWARD, 0);
    making->api = (struct api_making){ .engine = engine_of(making->plan)->engine,
                                       .attributes = attributes,
                                       .hint = backward ? desc_of(primitive_of(making->op, PASS_FORWARD)) : NULL,
                                       .pass = propagation(making->op, making->pass) };
    return 0;
}

static void link_to_op(struct primitive *primitive, struct op *op)
{
    struct primitives *primitives = op->state;
    primitive->next = primitives->first;
    primitives->first = primitive;
}

static void tell_implementation(const struct primitive *primitive, struct op *op)
{
    for (int pass = 0; pass < OP_PASSES; pass++)
        if (primitive == primitive_of(op, pass))
            op->implementation[pass] = implementation_of(primitive);
}

int primitive_init(struct primitive *primitive, struct making *making, dnnl_status_t status, struct err *err)
{
    struct layout scratchpad;
    assert(!primitive->handle && !primitive->count);
    dnnl_primitive_attr_destroy(making->api.attributes);
    if (engine_check(status, making->what, err))
        return -1;
    link_to_op(primitive, making->op);
    int result = engine_check(dnnl_primitive_create(&primitive->handle, making->desc), making->what, err);
    dnnl_primitive_desc_destroy(making->desc);
    tell_implementation(primitive, making->op);
    if (result || !primitive_layout(primitive, dnnl_query_scratchpad_md, &scratchpad))
        return result;
    primitive->scratchpad = making->scratchpad.region == REGION_OWN ? 0 : layout_room(&scratchpad);
    return add_arg(primitive, making->plan, &(struct argument){ ARG_SCRATCHPAD, &scratchpad, making->scratchpad }, err);
}
