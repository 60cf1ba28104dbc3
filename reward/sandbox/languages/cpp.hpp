// What a C++ solution is compiled with: the standard library, and how data become parameters and results become data.
//
// Arguments come as JSON (reward/sandbox/languages/base.py) and are read by the types of the parameters, which the
// compiler deduces from the function; so one program serves any arguments, and "a" is a char or a string as is wanted.
// Results are written as JSON by their types. What has no such form is opaque: its type's name, equal to nothing.
// What depends on no type is in cpp.cpp, compiled once.

#if __has_include(<bits/stdc++.h>)
#include <bits/stdc++.h>
#else
#error "the compiler's library has no <bits/stdc++.h>: use g++"
#endif

namespace align_ {

struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---- JSON ---------------------------------------------------------------------------------------------------------

struct Json {
    enum Kind { null, boolean, number, text, list } kind = null;
    std::string word;          // a number's digits, a text, "true" or "false"
    std::vector<Json> items;   // of a list; a tuple, set or dict is a list too, a dict one of lists of two
};

// ---- data to parameters -------------------------------------------------------------------------------------------

template <class T> struct Is { static constexpr bool pair = false, tuple = false, optional = false, array = false, complex = false; };
template <class A, class B> struct Is<std::pair<A, B>> : Is<void> { static constexpr bool pair = true; };
template <class... A> struct Is<std::tuple<A...>> : Is<void> { static constexpr bool tuple = true; };
template <class A> struct Is<std::optional<A>> : Is<void> { static constexpr bool optional = true; };
template <class A, std::size_t N> struct Is<std::array<A, N>> : Is<void> { static constexpr bool array = true; };
template <class A> struct Is<std::complex<A>> : Is<void> { static constexpr bool complex = true; };
template <class T, class = void> struct Container : std::false_type {};
template <class T> struct Container<T, std::void_t<typename T::allocator_type, typename T::value_type>> : std::true_type {};
template <class T, class = void> struct Keyed : std::false_type {};
template <class T> struct Keyed<T, std::void_t<typename T::key_type>> : std::true_type {};
template <class T, class = void> struct Mapped : std::false_type {};
template <class T> struct Mapped<T, std::void_t<typename T::mapped_type>> : std::true_type {};
template <class T, class = void> struct Many : std::false_type {};  // a multiset: an equal item more is an item more
template <class T> struct Many<T, std::enable_if_t<std::is_same_v<typename T::iterator, decltype(std::declval<T&>().insert(std::declval<typename T::value_type>()))>>> : std::true_type {};
template <class T> constexpr bool never = false;

const Json& as(const Json& json, Json::Kind kind, const char* wanted);  // or throw Wrong

__int128 integer(const std::string& word);

template <class T> T read_integer(const std::string& word) {
    __int128 value = integer(word);
    if (__int128(T(value)) != value) throw Wrong("the argument does not fit its parameter");
    return T(value);
}

template <class T> T read(const Json& json);

template <class T, std::size_t... I> T read_tuple(const Json& json, std::index_sequence<I...>) {
    if (as(json, Json::list, "a tuple").items.size() != sizeof...(I)) throw Wrong("the argument has another length than its parameter");
    return T{read<std::decay_t<std::tuple_element_t<I, T>>>(json.items[I])...};
}

template <class T> T read_container(const Json& json) {
    T result{};
    for (const Json& item : as(json, Json::list, "a list, set or dict").items) {
        if constexpr (Mapped<T>::value)
            result.emplace(read<typename T::key_type>(item.items.at(0)), read<typename T::mapped_type>(item.items.at(1)));
        else
            result.insert(result.end(), read<typename T::value_type>(item));
    }
    return result;
}

template <class T> T read(const Json& json) {
    if constexpr (std::is_same_v<T, Json>) return json;
    else if constexpr (std::is_same_v<T, bool>) return as(json, Json::boolean, "a bool").word == "true";
    else if constexpr (std::is_same_v<T, char>) {
        if (as(json, Json::text, "a character").word.size() != 1) throw Wrong("the argument is not one character of one byte");
        return json.word[0];
    }
    else if constexpr (std::is_integral_v<T>) return read_integer<T>(as(json, Json::number, "an integer").word);
    else if constexpr (std::is_floating_point_v<T>) return T(std::strtold(as(json, Json::number, "a number").word.c_str(), nullptr));
    else if constexpr (std::is_same_v<T, std::string>) return as(json, Json::text, "a string").word;
    else if constexpr (std::is_same_v<T, const char*> || std::is_same_v<T, char*>) return strdup(as(json, Json::text, "a string").word.c_str());
    else if constexpr (std::is_same_v<T, std::string_view>) return strdup(as(json, Json::text, "a string").word.c_str());
    else if constexpr (Is<T>::optional) { if (json.kind == Json::null) return T{}; return T{read<typename T::value_type>(json)}; }
    else if constexpr (Is<T>::pair || Is<T>::tuple || Is<T>::array) return read_tuple<T>(json, std::make_index_sequence<std::tuple_size_v<T>>{});
    else if constexpr (Container<T>::value) return read_container<T>(json);
    else static_assert(never<T>, "a parameter of this type cannot be made from data");
}

// ---- results to JSON ----------------------------------------------------------------------------------------------

void write_text(std::string& out, std::string_view text);
void write_integer(std::string& out, unsigned __int128 value, bool negative);
void write_double(std::string& out, double value);

template <class T> void write(std::string& out, const T& value, bool as_key);

template <class T> void write_items(std::string& out, const T& value, bool as_key) {
    bool first = true;
    for (auto&& item : value) {
        if (!first) out += ',';
        first = false;
        if constexpr (Mapped<T>::value) { out += '['; write(out, item.first, true); out += ','; write(out, item.second, as_key); out += ']'; }
        else write(out, static_cast<const typename T::value_type&>(item), as_key || Keyed<T>::value);
    }
}

template <class T> void write_container(std::string& out, const T& value, bool as_key) {
    const char* tag = Mapped<T>::value ? "dict" : Keyed<T>::value && !Many<T>::value ? (as_key ? "frozenset" : "set") : as_key ? "tuple" : nullptr;
    if (tag) out += std::string("{\"") + tag + "\":";
    out += '[';
    write_items(out, value, as_key);
    out += tag ? "]}" : "]";
}

void write_opaque(std::string& out, const std::type_info& type);

template <class T> void write(std::string& out, const T& value, bool as_key) {  // as_key: Python wants it hashable
    if constexpr (std::is_same_v<T, bool>) out += value ? "true" : "false";
    else if constexpr (std::is_same_v<T, char>) write_text(out, std::string_view(&value, 1));
    else if constexpr (std::is_enum_v<T>) write(out, static_cast<std::underlying_type_t<T>>(value), as_key);
    else if constexpr (std::is_integral_v<T>) write_integer(out, value < 0 ? -static_cast<unsigned __int128>(value) : value, value < 0);
    else if constexpr (std::is_floating_point_v<T>) write_double(out, double(value));
    else if constexpr (std::is_null_pointer_v<T> || std::is_same_v<T, std::nullopt_t> || std::is_same_v<T, std::monostate>) out += "null";
    else if constexpr (std::is_convertible_v<const T&, std::string_view>) write_text(out, value);
    else if constexpr (Is<T>::optional) { if (value) write(out, *value, as_key); else out += "null"; }
    else if constexpr (Is<T>::complex) { out += R"({"complex":[)"; write_double(out, value.real()); out += ','; write_double(out, value.imag()); out += "]}"; }
    else if constexpr (Is<T>::pair || Is<T>::tuple) {
        out += R"({"tuple":[)";
        std::apply([&](const auto&... items) { std::size_t n = 0; ((out += n++ ? "," : "", write(out, items, as_key)), ...); }, value);
        out += "]}";
    }
    else if constexpr (Is<T>::array || Container<T>::value) write_container(out, value, as_key);
    else write_opaque(out, typeid(T));
}

// ---- calls --------------------------------------------------------------------------------------------------------

template <class R, class... A, class F, std::size_t... I> std::string apply(F&& f, const Json& given, std::index_sequence<I...>) {
    if (given.items.size() != sizeof...(A))
        throw Wrong("takes " + std::to_string(sizeof...(A)) + " arguments, " + std::to_string(given.items.size()) + " given");
    std::tuple<std::decay_t<A>...> values{read<std::decay_t<A>>(given.items[I])...};
    (void)values;
    std::string out;
    if constexpr (std::is_void_v<R>) { f(static_cast<A&&>(std::get<I>(values))...); out = "null"; }
    else { decltype(auto) result = f(static_cast<A&&>(std::get<I>(values))...); write<std::decay_t<R>>(out, result, false); }
    return out;
}

template <class R, class... A> std::string call(R (*f)(A...), const Json& given) {
    return apply<R, A...>(f, given, std::index_sequence_for<A...>{});
}
template <class C, class R, class... A> std::string call(R (C::*f)(A...), const Json& given) {
    C object{};
    return apply<R, A...>([&](A... a) -> R { return (object.*f)(static_cast<A&&>(a)...); }, given, std::index_sequence_for<A...>{});
}
template <class C, class R, class... A> std::string call(R (C::*f)(A...) const, const Json& given) {
    const C object{};
    return apply<R, A...>([&](A... a) -> R { return (object.*f)(static_cast<A&&>(a)...); }, given, std::index_sequence_for<A...>{});
}
template <class F, class C, class R, class... A> std::string call_object(F& f, R (C::*)(A...) const, const Json& given) {
    return apply<R, A...>(f, given, std::index_sequence_for<A...>{});
}
template <class F> auto call(F* f, const Json& given) -> decltype(call_object(*f, &F::operator(), given)) {  // a lambda or std::function
    return call_object(*f, &F::operator(), given);
}

int serve(std::string (*one)(const Json&));  // calls it for every line of arguments.json; never returns

}  // namespace align_
