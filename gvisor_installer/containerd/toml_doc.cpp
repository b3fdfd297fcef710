#define TOML_EXCEPTIONS          0
#define TOML_ENABLE_FORMATTERS   0
#define TOML_UNRELEASED_FEATURES 0

extern "C" {
#include "common/err.h"
}
#include "gvisor_installer/containerd/toml_doc.h"

#include <toml++/toml.h>

#include <iterator>
#include <new>
#include <string>
#include <string_view>

struct toml_doc {
    toml::table root;
};

namespace
{

const toml::node *find(const toml_doc *doc, const char *const path[])
{
    const toml::node *node = &doc->root;
    for (; *path != nullptr && node != nullptr; path++) {
        const toml::table *table = node->as_table();
        node = table == nullptr ? nullptr : table->get(*path);
    }
    return node;
}

toml_place place_of(const toml::node &node)
{
    const toml::source_region &at = node.source();
    return {at.begin.line, at.begin.column, at.end.line, at.end.column};
}

const toml::array *texts_at(const toml_doc *doc, const char *const path[])
{
    const toml::node *node = find(doc, path);
    const toml::array *array = node == nullptr ? nullptr : node->as_array();
    if (array == nullptr)
        return nullptr;
    for (const toml::node &item : *array)
        if (!item.is_string())
            return nullptr;
    return array;
}

const toml::table *table_in(const toml::node &node)
{
    const toml::table *table = node.as_table();
    return table == nullptr || table->is_inline() ? nullptr : table;
}

const toml::table &innermost(const toml::table &table)
{
    for (const auto &[key, node] : table)
        if (const toml::table *inner = table_in(node))
            return innermost(*inner);
    return table;
}

/* true when the table is empty afterwards */
bool prune(toml::table &table)
{
    for (auto at = table.begin(); at != table.end();) {
        toml::table *inner = at->second.as_table();
        if (inner != nullptr && prune(*inner))
            at = table.erase(at);
        else
            ++at;
    }
    return table.empty();
}

} // namespace

toml_doc *toml_doc_parse(const char *bytes, size_t len, err *err)
try {
    toml::parse_result result = toml::parse(std::string_view(bytes, len));
    if (!result) {
        const toml::parse_error &failure = result.error();
        const std::string why(failure.description());
        (void)err_set(err, STATUS_INPUT, "%u:%u: %s", failure.source().begin.line,
                      failure.source().begin.column, why.c_str());
        return nullptr;
    }
    return new toml_doc{std::move(result).table()};
} catch (const std::bad_alloc &) {
    (void)err_set(err, STATUS_TRANSIENT, "out of memory");
    return nullptr;
}

void toml_doc_free(toml_doc *doc)
{
    delete doc;
}

bool toml_doc_has(const toml_doc *doc, const char *const path[])
{
    return find(doc, path) != nullptr;
}

bool toml_doc_is_table(const toml_doc *doc, const char *const path[])
{
    const toml::node *node = find(doc, path);
    return node != nullptr && node->is_table();
}

bool toml_doc_integer(const toml_doc *doc, const char *const path[], int64_t *ret)
{
    const toml::node *node = find(doc, path);
    const toml::value<int64_t> *value = node == nullptr ? nullptr : node->as_integer();
    if (value == nullptr)
        return false;
    *ret = value->get();
    return true;
}

bool toml_doc_bool(const toml_doc *doc, const char *const path[], bool *ret)
{
    const toml::node *node = find(doc, path);
    const toml::value<bool> *value = node == nullptr ? nullptr : node->as_boolean();
    if (value == nullptr)
        return false;
    *ret = value->get();
    return true;
}

const char *toml_doc_text(const toml_doc *doc, const char *const path[])
{
    const toml::node *node = find(doc, path);
    const toml::value<std::string> *value = node == nullptr ? nullptr : node->as_string();
    return value == nullptr ? nullptr : value->get().c_str();
}

bool toml_doc_place(const toml_doc *doc, const char *const path[], toml_place *ret)
{
    const toml::node *node = find(doc, path);
    if (node == nullptr)
        return false;
    *ret = place_of(*node);
    return true;
}

const char *toml_doc_key(const toml_doc *doc, const char *const path[], size_t index)
{
    const toml::node *node = find(doc, path);
    const toml::table *table = node == nullptr ? nullptr : node->as_table();
    if (table == nullptr || index >= table->size())
        return nullptr;
    /* toml++ keeps keys in a sorted map. */
    return std::next(table->cbegin(), static_cast<ptrdiff_t>(index))->first.str().data();
}

bool toml_doc_block(const toml_doc *doc, const char *const path[], toml_place *ret)
{
    const toml::node *node = find(doc, path);
    const toml::table *table = node == nullptr ? nullptr : node->as_table();
    if (table == nullptr)
        return false;
    const toml::table &block = innermost(*table);
    *ret = place_of(block);
    for (const auto &[key, value] : block) {
        const toml_place at = place_of(value);
        if (at.end_line > ret->end_line ||
            (at.end_line == ret->end_line && at.end_column > ret->end_column)) {
            ret->end_line = at.end_line;
            ret->end_column = at.end_column;
        }
    }
    return true;
}

bool toml_doc_texts(const toml_doc *doc, const char *const path[], size_t *ret_count)
{
    const toml::array *array = texts_at(doc, path);
    if (array == nullptr)
        return false;
    *ret_count = array->size();
    return true;
}

const char *toml_doc_item(const toml_doc *doc, const char *const path[], size_t index,
                          toml_place *ret_place)
{
    const toml::array *array = texts_at(doc, path);
    const toml::node *node = array == nullptr ? nullptr : array->get(index);
    if (node == nullptr)
        return nullptr;
    if (ret_place != nullptr)
        *ret_place = place_of(*node);
    return node->as_string()->get().c_str();
}

void toml_doc_drop(toml_doc *doc, const char *const path[])
{
    toml::table *table = &doc->root;
    for (; table != nullptr && path[0] != nullptr; path++) {
        if (path[1] == nullptr) {
            table->erase(std::string_view(path[0]));
            return;
        }
        toml::node *next = table->get(path[0]);
        table = next == nullptr ? nullptr : next->as_table();
    }
}

void toml_doc_drop_item(toml_doc *doc, const char *const path[], size_t index)
{
    toml::array *array = const_cast<toml::array *>(texts_at(doc, path));
    if (array != nullptr && index < array->size())
        array->erase(array->cbegin() + static_cast<ptrdiff_t>(index));
}

void toml_doc_prune(toml_doc *doc)
{
    (void)prune(doc->root);
}

bool toml_doc_equal(const toml_doc *one, const toml_doc *other)
{
    return one->root == other->root;
}
