using System.Collections.Immutable;
using System.Globalization;
using System.Reflection.Metadata;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>
/// Names types in signatures as documentation files do
/// (https://learn.microsoft.com/dotnet/csharp/language-reference/xmldoc/#id-strings).
/// </summary>
internal sealed class DocumentationNames : ISignatureTypeProvider<string, object?>
{
    public string GetPrimitiveType(PrimitiveTypeCode typeCode) => "System." + typeCode;

    public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
    {
        var type = reader.GetTypeDefinition(handle);
        var name = reader.GetString(type.Name);
        return type.GetDeclaringType() is { IsNil: false } outer
            ? $"{GetTypeFromDefinition(reader, outer, 0)}.{name}"
            : Qualify(reader.GetString(type.Namespace), name);
    }

    public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
    {
        var type = reader.GetTypeReference(handle);
        var name = reader.GetString(type.Name);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? $"{GetTypeFromReference(reader, (TypeReferenceHandle)type.ResolutionScope, 0)}.{name}"
            : Qualify(reader.GetString(type.Namespace), name);
    }

    public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments)
    {
        // Each segment takes as many arguments as its own `N tells: Outer`1.Inner`1 becomes Outer{A}.Inner{B}.
        var taken = 0;
        return string.Join('.', genericType.Split('.').Select(segment =>
        {
            var tick = segment.IndexOf('`', StringComparison.Ordinal);
            if (tick < 0)
            {
                return segment;
            }

            var count = int.Parse(segment.AsSpan(tick + 1), CultureInfo.InvariantCulture);
            var arguments = typeArguments.Skip(taken).Take(count);
            taken += count;
            return $"{segment[..tick]}{{{string.Join(',', arguments)}}}";
        }));
    }

    public string GetGenericTypeParameter(object? genericContext, int index) => $"`{index}";

    public string GetGenericMethodParameter(object? genericContext, int index) => $"``{index}";

    public string GetSZArrayType(string elementType) => elementType + "[]";

    public string GetArrayType(string elementType, ArrayShape shape) =>
        $"{elementType}[{string.Join(',', Enumerable.Repeat("0:", shape.Rank))}]";

    public string GetByReferenceType(string elementType) => elementType + "@";

    public string GetPointerType(string elementType) => elementType + "*";

    public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

    public string GetPinnedType(string elementType) => elementType;

    public string GetFunctionPointerType(MethodSignature<string> signature) => "=FUNC";

    private static string Qualify(string @namespace, string name) => @namespace.Length == 0 ? name : $"{@namespace}.{name}";
}
