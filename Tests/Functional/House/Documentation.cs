using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>Compares what an assembly shows to others with its documentation file.</summary>
internal static class Documentation
{
    private static readonly DocumentationNames _names = new();

    /// <summary>Public types and members without a doc comment, by their documentation ids.</summary>
    public static IReadOnlyList<string> Undocumented(string assembly, XDocument documentation)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var reader = file.GetMetadataReader();
        var comments = documentation.Descendants("member").ToDictionary(m => (string)m.Attribute("name")!, StringComparer.Ordinal);
        var undocumented = new List<string>();
        foreach (var handle in reader.TypeDefinitions)
        {
            var type = reader.GetTypeDefinition(handle);
            var name = _names.GetTypeFromDefinition(reader, handle, 0);
            if (!IsShown(reader, type) || IsGenerated(reader, type.GetCustomAttributes()) || IsExcepted(name))
            {
                continue;
            }

            if (!IsDocumented("T:" + name))
            {
                undocumented.Add("T:" + name);
            }

            undocumented.AddRange(MembersOf(reader, type, name).Where(id => !IsDocumented(id) && !IsParameterOf(name, id)));
        }

        return undocumented;

        bool IsDocumented(string id) =>
            comments.TryGetValue(id, out var comment)
            && (comment.Element("inheritdoc") is not null || !string.IsNullOrWhiteSpace(comment.Element("summary")?.Value));

        // What a record or a primary constructor declares is documented by <param> on the type.
        bool IsParameterOf(string typeName, string id)
        {
            if (!comments.TryGetValue("T:" + typeName, out var comment))
            {
                return false;
            }

            var parameters = comment.Elements("param").Where(p => !string.IsNullOrWhiteSpace(p.Value)).Select(p => (string?)p.Attribute("name"));
            return id.StartsWith($"M:{typeName}.#ctor", StringComparison.Ordinal) ? parameters.Any() : parameters.Any(p => id == $"P:{typeName}.{p}");
        }
    }

    /// <summary>Generated messages of the wire protocol, the code generator's own namespace, and the class of top-level statements.</summary>
    private static bool IsExcepted(string name) =>
        $".{name}".Contains(".Protocol.", StringComparison.Ordinal) || name.StartsWith("OrleansCodeGen.", StringComparison.Ordinal) || name == "Program";

    private static bool IsShown(MetadataReader reader, TypeDefinition type) => (type.Attributes & TypeAttributes.VisibilityMask) switch
    {
        TypeAttributes.Public => true,
        TypeAttributes.NestedPublic or TypeAttributes.NestedFamily or TypeAttributes.NestedFamORAssem =>
            IsShown(reader, reader.GetTypeDefinition(type.GetDeclaringType())),
        _ => false,
    };

    private static IEnumerable<string> MembersOf(MetadataReader reader, TypeDefinition type, string typeName)
    {
        if (BaseOf(reader, type) is "System.MulticastDelegate")
        {
            yield break;
        }

        var accessors = new HashSet<MethodDefinitionHandle>();
        foreach (var property in type.GetProperties().Select(reader.GetPropertyDefinition))
        {
            var pair = property.GetAccessors();
            accessors.UnionWith([pair.Getter, pair.Setter]);
            var name = reader.GetString(property.Name);
            if ((IsShown(reader, pair.Getter) || IsShown(reader, pair.Setter)) && name != "EqualityContract")
            {
                yield return $"P:{typeName}.{name}{Parameters(property.DecodeSignature(_names, null))}";
            }
        }

        foreach (var @event in type.GetEvents().Select(reader.GetEventDefinition))
        {
            var pair = @event.GetAccessors();
            accessors.UnionWith([pair.Adder, pair.Remover]);
            if (IsShown(reader, pair.Adder))
            {
                yield return $"E:{typeName}.{reader.GetString(@event.Name)}";
            }
        }

        foreach (var field in type.GetFields().Select(reader.GetFieldDefinition))
        {
            if ((field.Attributes & FieldAttributes.FieldAccessMask) is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem
                && (field.Attributes & FieldAttributes.SpecialName) == 0)
            {
                yield return $"F:{typeName}.{reader.GetString(field.Name)}";
            }
        }

        foreach (var handle in type.GetMethods().Where(handle => !accessors.Contains(handle) && IsShown(reader, handle)))
        {
            var method = reader.GetMethodDefinition(handle);
            var signature = method.DecodeSignature(_names, null);
            var name = reader.GetString(method.Name);

            // An override inherits its comment, and a constructor without parameters is usually nobody's work.
            var isOverride = (method.Attributes & (MethodAttributes.Virtual | MethodAttributes.NewSlot)) == MethodAttributes.Virtual;
            if (isOverride || IsGenerated(reader, method.GetCustomAttributes()) || (name == ".ctor" && signature.ParameterTypes.IsEmpty))
            {
                continue;
            }

            var arity = signature.GenericParameterCount > 0 ? $"``{signature.GenericParameterCount}" : "";
            var result = name is "op_Implicit" or "op_Explicit" ? $"~{signature.ReturnType}" : "";
            yield return $"M:{typeName}.{name.Replace('.', '#')}{arity}{Parameters(signature)}{result}";
        }
    }

    private static string Parameters(MethodSignature<string> signature) =>
        signature.ParameterTypes.IsEmpty ? "" : $"({string.Join(',', signature.ParameterTypes)})";

    private static bool IsShown(MetadataReader reader, MethodDefinitionHandle handle) =>
        !handle.IsNil
        && (reader.GetMethodDefinition(handle).Attributes & MethodAttributes.MemberAccessMask)
            is MethodAttributes.Public or MethodAttributes.Family or MethodAttributes.FamORAssem;

    private static string BaseOf(MetadataReader reader, TypeDefinition type) => type.BaseType.Kind switch
    {
        HandleKind.TypeReference => _names.GetTypeFromReference(reader, (TypeReferenceHandle)type.BaseType, 0),
        _ => "",
    };

    private static bool IsGenerated(MetadataReader reader, CustomAttributeHandleCollection attributes)
    {
        foreach (var attribute in attributes.Select(reader.GetCustomAttribute))
        {
            if (attribute.Constructor.Kind == HandleKind.MemberReference
                && reader.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent is { Kind: HandleKind.TypeReference } parent
                && _names.GetTypeFromReference(reader, (TypeReferenceHandle)parent, 0) == "System.Runtime.CompilerServices.CompilerGeneratedAttribute")
            {
                return true;
            }
        }

        return false;
    }
}
